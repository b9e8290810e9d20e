// Exception vectors, entering and leaving EL0. The offsets are those of `UserContext` and
// `ExceptionFrame`, checked by assertions beside the types.

.arch armv8-a+fp+simd
.text

.set CONTEXT_SP, 248
.set CONTEXT_PC, 256
.set CONTEXT_PSTATE, 264
.set CONTEXT_TPIDR, 272
.set CONTEXT_VECTOR, 288
.set CONTEXT_FPCR, 800
.set CONTEXT_FPSR, 808

.set FRAME_SIZE, 288
.set FRAME_SP, 248
.set FRAME_ELR, 256
.set FRAME_SPSR, 264
.set FRAME_ESR, 272
.set FRAME_FAR, 280

// What `enter_user_context` keeps on the kernel stack.
.set SAVED_SIZE, 112
.set SAVED_CONTEXT, 96

// An exception at EL1 that isn't an interrupt is a bug, or a user access that faulted. It changes
// to a stack of its own, because a stack overflow is one of the bugs. SP_EL0 and TPIDR_EL1 are free
// while the kernel runs.
.macro from_el1 kind
    .balign 0x80
    msr     sp_el0, x0
    msr     tpidr_el1, x1
    mov     x1, sp
    adrp    x0, emergency_stack_top
    add     x0, x0, :lo12:emergency_stack_top
    mov     sp, x0
    sub     sp, sp, #FRAME_SIZE
    stp     x2, x3, [sp, #16]
    str     x1, [sp, #FRAME_SP]
    mov     x1, #\kind
    b       exception_at_el1
.endm

// An exception at EL0: SP_EL1 is as `enter_user_context` left it.
.macro from_el0 kind
    .balign 0x80
    stp     x0, x1, [sp, #-16]!
    ldr     x0, [sp, #(16 + SAVED_CONTEXT)]
    stp     x2, x3, [x0, #16]
    mov     x2, #\kind
    b       leave_user
.endm

.balign 0x800
.global exception_vectors
exception_vectors:
    from_el1 0              // current EL with SP_EL0: never used
    from_el1 1
    from_el1 2
    from_el1 3
    from_el1 4              // current EL with SP_EL1: synchronous
    .balign 0x80
    b       interrupt_at_el1
    from_el1 6              // FIQ
    from_el1 7              // SError
    from_el0 0              // lower EL, AArch64: synchronous
    from_el0 1              // IRQ
    from_el0 2              // FIQ
    from_el0 3              // SError
    from_el0 4              // lower EL, AArch32: never entered
    from_el0 4
    from_el0 4
    from_el0 4
    .balign 0x80

// The interrupted function's registers that a call may change; the rest the handlers preserve.
// The first pair looks like a frame record, so that backtraces go through.
interrupt_at_el1:
    sub     sp, sp, #192
    stp     x0, x1, [sp, #16]
    stp     x2, x3, [sp, #32]
    stp     x4, x5, [sp, #48]
    stp     x6, x7, [sp, #64]
    stp     x8, x9, [sp, #80]
    stp     x10, x11, [sp, #96]
    stp     x12, x13, [sp, #112]
    stp     x14, x15, [sp, #128]
    stp     x16, x17, [sp, #144]
    stp     x18, x30, [sp, #160]
    mrs     x0, elr_el1
    mrs     x1, spsr_el1
    stp     x29, x0, [sp]
    str     x1, [sp, #176]
    mov     x29, sp
    bl      interrupt_taken
    ldp     x29, x0, [sp]
    ldr     x1, [sp, #176]
    msr     elr_el1, x0
    msr     spsr_el1, x1
    ldp     x18, x30, [sp, #160]
    ldp     x16, x17, [sp, #144]
    ldp     x14, x15, [sp, #128]
    ldp     x12, x13, [sp, #112]
    ldp     x10, x11, [sp, #96]
    ldp     x8, x9, [sp, #80]
    ldp     x6, x7, [sp, #64]
    ldp     x4, x5, [sp, #48]
    ldp     x2, x3, [sp, #32]
    ldp     x0, x1, [sp, #16]
    add     sp, sp, #192
    eret

exception_at_el1:
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    str     x30, [sp, #240]
    mrs     x2, sp_el0
    mrs     x3, tpidr_el1
    stp     x2, x3, [sp]
    mrs     x2, elr_el1
    mrs     x3, spsr_el1
    stp     x2, x3, [sp, #FRAME_ELR]
    mrs     x2, esr_el1
    mrs     x3, far_el1
    stp     x2, x3, [sp, #FRAME_ESR]
    mov     x0, sp
    bl      exception_taken

    ldp     x2, x3, [sp, #FRAME_ELR]
    msr     elr_el1, x2
    msr     spsr_el1, x3
    ldp     x2, x3, [sp, #16]
    ldp     x4, x5, [sp, #32]
    ldp     x6, x7, [sp, #48]
    ldp     x8, x9, [sp, #64]
    ldp     x10, x11, [sp, #80]
    ldp     x12, x13, [sp, #96]
    ldp     x14, x15, [sp, #112]
    ldp     x16, x17, [sp, #128]
    ldp     x18, x19, [sp, #144]
    ldp     x20, x21, [sp, #160]
    ldp     x22, x23, [sp, #176]
    ldp     x24, x25, [sp, #192]
    ldp     x26, x27, [sp, #208]
    ldp     x28, x29, [sp, #224]
    ldr     x30, [sp, #240]
    ldr     x0, [sp, #8]
    msr     tpidr_el1, x0
    ldr     x1, [sp, #FRAME_SP]
    ldr     x0, [sp]
    mov     sp, x1
    mrs     x1, tpidr_el1
    eret

// extern "C" fn enter_user_context(context: &mut UserContext) -> u64
//
// Called with interrupts masked. Runs the program until an exception at EL0, and returns which one
// it was, with interrupts still masked.
.global enter_user_context
enter_user_context:
    sub     sp, sp, #SAVED_SIZE
    stp     x29, x30, [sp]
    mov     x29, sp
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    str     x0, [sp, #SAVED_CONTEXT]

    add     x1, x0, #CONTEXT_VECTOR
    ldp     q0, q1, [x1]
    ldp     q2, q3, [x1, #32]
    ldp     q4, q5, [x1, #64]
    ldp     q6, q7, [x1, #96]
    ldp     q8, q9, [x1, #128]
    ldp     q10, q11, [x1, #160]
    ldp     q12, q13, [x1, #192]
    ldp     q14, q15, [x1, #224]
    ldp     q16, q17, [x1, #256]
    ldp     q18, q19, [x1, #288]
    ldp     q20, q21, [x1, #320]
    ldp     q22, q23, [x1, #352]
    ldp     q24, q25, [x1, #384]
    ldp     q26, q27, [x1, #416]
    ldp     q28, q29, [x1, #448]
    ldp     q30, q31, [x1, #480]
    ldr     x2, [x0, #CONTEXT_FPCR]
    ldr     x3, [x0, #CONTEXT_FPSR]
    msr     fpcr, x2
    msr     fpsr, x3

    ldp     x1, x2, [x0, #CONTEXT_SP]
    ldp     x3, x4, [x0, #CONTEXT_PSTATE]
    msr     sp_el0, x1
    msr     elr_el1, x2
    msr     spsr_el1, x3
    msr     tpidr_el0, x4
    ldp     x2, x3, [x0, #16]
    ldp     x4, x5, [x0, #32]
    ldp     x6, x7, [x0, #48]
    ldp     x8, x9, [x0, #64]
    ldp     x10, x11, [x0, #80]
    ldp     x12, x13, [x0, #96]
    ldp     x14, x15, [x0, #112]
    ldp     x16, x17, [x0, #128]
    ldp     x18, x19, [x0, #144]
    ldp     x20, x21, [x0, #160]
    ldp     x22, x23, [x0, #176]
    ldp     x24, x25, [x0, #192]
    ldp     x26, x27, [x0, #208]
    ldp     x28, x29, [x0, #224]
    ldr     x30, [x0, #240]
    ldp     x0, x1, [x0]
    eret

// x0: context, x2: which exception, x2 and x3 already stored, x0 and x1 on the stack.
leave_user:
    stp     x4, x5, [x0, #32]
    stp     x6, x7, [x0, #48]
    stp     x8, x9, [x0, #64]
    stp     x10, x11, [x0, #80]
    stp     x12, x13, [x0, #96]
    stp     x14, x15, [x0, #112]
    stp     x16, x17, [x0, #128]
    stp     x18, x19, [x0, #144]
    stp     x20, x21, [x0, #160]
    stp     x22, x23, [x0, #176]
    stp     x24, x25, [x0, #192]
    stp     x26, x27, [x0, #208]
    stp     x28, x29, [x0, #224]
    str     x30, [x0, #240]
    ldp     x3, x4, [sp], #16
    stp     x3, x4, [x0]
    mrs     x3, sp_el0
    mrs     x4, elr_el1
    stp     x3, x4, [x0, #CONTEXT_SP]
    mrs     x3, spsr_el1
    mrs     x4, tpidr_el0
    stp     x3, x4, [x0, #CONTEXT_PSTATE]

    add     x1, x0, #CONTEXT_VECTOR
    stp     q0, q1, [x1]
    stp     q2, q3, [x1, #32]
    stp     q4, q5, [x1, #64]
    stp     q6, q7, [x1, #96]
    stp     q8, q9, [x1, #128]
    stp     q10, q11, [x1, #160]
    stp     q12, q13, [x1, #192]
    stp     q14, q15, [x1, #224]
    stp     q16, q17, [x1, #256]
    stp     q18, q19, [x1, #288]
    stp     q20, q21, [x1, #320]
    stp     q22, q23, [x1, #352]
    stp     q24, q25, [x1, #384]
    stp     q26, q27, [x1, #416]
    stp     q28, q29, [x1, #448]
    stp     q30, q31, [x1, #480]
    mrs     x3, fpcr
    mrs     x4, fpsr
    str     x3, [x0, #CONTEXT_FPCR]
    str     x4, [x0, #CONTEXT_FPSR]

    mov     x0, x2
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp]
    add     sp, sp, #SAVED_SIZE
    ret
