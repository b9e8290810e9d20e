// From the firmware's jump to Rust in the upper half.
//
// Runs with MMU and caches off, at its physical address: memory behaves as Device-nGnRnE, so every
// access here is aligned, and nothing uses exclusives (tools/image looks). x20 keeps what the firmware
// passed in x0.

.arch armv8-a
.section .text.boot, "ax"

// The arm64 Image header (Linux, Documentation/arch/arm64/booting.rst). Loaders that know it take
// load address and size from here.
.global image_header
image_header:
    b       start
    .word   0
    .quad   LOAD_ADDRESS            // text_offset
    .quad   image_size              // image_size, BSS and stacks included
    .quad   2                       // flags: little-endian, 4 KiB pages
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .word   0

start:
    mov     x20, x0
    mov     x21, xzr                // set when the image is moved
    mrs     x1, mpidr_el1
    and     x1, x1, #0xff
    cbnz    x1, park

    mrs     x1, CurrentEL
    cmp     x1, #(2 << 2)
    b.lo    at_el1
    b.eq    at_el2

    // EL3: an ELF in QEMU, or a board without the firmware's stub. Do what the stub would do.
    mov     x1, #0x5b1              // SCR_EL3: NS, RES1, SMD, HCE, RW (EL2 is AArch64)
    msr     scr_el3, x1
    msr     cptr_el3, xzr           // nothing traps to EL3
    mrs     x1, S3_1_c15_c2_1       // CPUECTLR_EL1
    orr     x1, x1, #(1 << 6)       // SMPEN: before caches and MMU (Cortex-A53 TRM 4.3.46)
    msr     S3_1_c15_c2_1, x1
    mrs     x1, cntfrq_el0
    cbnz    x1, 1f
    ldr     x1, =19200000           // the crystal; only EL3 may write this register
    msr     cntfrq_el0, x1
1:  msr     sctlr_el2, xzr
    mov     x1, #0x3c9              // SPSR: EL2h, DAIF masked
    msr     spsr_el3, x1
    adr     x1, at_el2
    msr     elr_el3, x1
    isb
    eret

at_el2:
    mrs     x1, cnthctl_el2
    orr     x1, x1, #3              // EL1 may use the physical timer and counter
    msr     cnthctl_el2, x1
    msr     cntvoff_el2, xzr        // virtual and physical counters agree
    mrs     x1, midr_el1
    msr     vpidr_el2, x1
    mrs     x1, mpidr_el1
    msr     vmpidr_el2, x1
    mov     x1, #0x33ff             // CPTR_EL2: RES1, no traps
    msr     cptr_el2, x1
    msr     hstr_el2, xzr
    mov     x1, #(1 << 31)          // HCR_EL2.RW: EL1 is AArch64
    msr     hcr_el2, x1
    ldr     x1, =0x30d00800         // SCTLR_EL1: RES1 bits, MMU and caches off
    msr     sctlr_el1, x1
    mov     x1, #0x3c5              // SPSR: EL1h, DAIF masked
    msr     spsr_el2, x1
    adr     x1, at_el1
    msr     elr_el2, x1
    isb
    eret

at_el1:
    msr     daifset, #0xf

    // Position. A loader that ignored the header may have put the image higher up (some firmware
    // uses 0x200000): then move it down, first this page, then from its new place the rest.
    adr     x1, image_header
    ldr     x2, =LOAD_ADDRESS
    cmp     x1, x2
    b.eq    placed
    b.lo    park
    mov     x21, #1
    adr     x3, image_header
    ldr     x4, =loaded_size
    add     x4, x2, x4              // end of the copy
    add     x5, x2, #4096
1:  ldp     x6, x7, [x3], #16
    stp     x6, x7, [x2], #16
    cmp     x2, x5
    b.lo    1b
    dsb     sy
    ic      iallu
    dsb     sy
    isb
    adr     x6, copy_rest
    sub     x6, x6, x1
    ldr     x7, =LOAD_ADDRESS
    add     x6, x6, x7
    br      x6
copy_rest:
    ldp     x6, x7, [x3], #16
    stp     x6, x7, [x2], #16
    cmp     x2, x4
    b.lo    copy_rest
    dsb     sy
    ic      iallu
    dsb     sy
    isb

placed:
    // The other cores wait in the stub for an address at 0xd8 + 8 * core, in a WFE loop that burns
    // host processors under QEMU: let them wait in WFI instead.
    adr     x1, park
    mov     x2, #0xe0
    str     x1, [x2]
    str     x1, [x2, #8]
    str     x1, [x2, #16]
    dsb     sy
    sev

    adrp    x1, bss_start
    add     x1, x1, :lo12:bss_start
    adrp    x2, bss_end
    add     x2, x2, :lo12:bss_end
1:  cmp     x1, x2
    b.hs    2f
    stp     xzr, xzr, [x1], #16
    b       1b
2:
    // What was written up to here went past the caches. A line that a cache still has of these places
    // would hide it once the caches are on: drop them (BSS; the image too, if it was moved).
    dsb     sy
    mrs     x3, ctr_el0
    ubfx    x3, x3, #16, #4         // DminLine: logarithm of the line size in words
    mov     x4, #4
    lsl     x3, x4, x3
    adrp    x1, bss_start
    add     x1, x1, :lo12:bss_start
    cbz     x21, 1f
    ldr     x1, =LOAD_ADDRESS
1:  dc      ivac, x1
    add     x1, x1, x3
    cmp     x1, x2
    b.lo    1b
    dsb     sy

    // Memory attributes: 0 Normal write-back, 1 Device-nGnRE, 2 Normal non-cacheable.
    ldr     x1, =0x4404ff
    msr     mair_el1, x1
    ldr     x1, =TCR_VALUE
    msr     tcr_el1, x1
    adrp    x1, boot_level1
    add     x1, x1, :lo12:boot_level1
    msr     ttbr0_el1, x1
    msr     ttbr1_el1, x1
    tlbi    vmalle1
    ic      iallu
    dsb     nsh
    isb
    ldr     x1, =SCTLR_VALUE
    msr     sctlr_el1, x1
    isb
    ldr     x1, =upper_half
    br      x1

upper_half:
    ldr     x1, =stack_top
    mov     sp, x1
    mov     x29, xzr
    mov     x30, xzr
    mov     x0, x20
    bl      kernel_start
    // It never returns.

park:
    msr     daifset, #0xf
1:  wfi
    b       1b

// extern "C" fn change_kernel_tables(to: u64, empty: u64)
//
// Break before make (ARM DDI 0487, D8.14.1) of the whole upper half: called at its physical address,
// which TTBR0 still maps, so that there may be a moment without an upper half. Uses no stack.
.global change_kernel_tables
change_kernel_tables:
    msr     ttbr1_el1, x1
    isb
    tlbi    vmalle1
    dsb     nsh
    isb
    msr     ttbr1_el1, x0
    isb
    ret

.ltorg

// TCR_EL1: T0SZ = T1SZ = 25 (39 bits), write-back inner-shareable walks, 4 KiB granules, 36-bit
// physical addresses, 16-bit ASIDs taken from TTBR0, top byte ignored in the lower half.
.set TCR_VALUE, 25 | (1 << 8) | (1 << 10) | (3 << 12) | (25 << 16) | (1 << 24) | (1 << 26) | (3 << 28) | (2 << 30) | (1 << 32) | (1 << 36) | (1 << 37)

// SCTLR_EL1: MMU, caches, stack alignment checks; EL0 may use DC ZVA, CTR_EL0, cache maintenance by
// address, WFI and WFE.
.set SCTLR_VALUE, 0x30d00800 | (1 << 0) | (1 << 2) | (1 << 3) | (1 << 4) | (1 << 12) | (1 << 14) | (1 << 15) | (1 << 16) | (1 << 18) | (1 << 26)

// Tables for the first steps: 64 MiB of RAM, executable and writable, at its physical address and
// at IMAGE_OFFSET. `memory::setup` replaces them before anything else happens.
.section .data.boot, "aw"
.balign 4096
boot_level1:
    .quad   boot_level2_entry
    .fill   509, 8, 0
    .quad   boot_level2_entry
    .quad   0
    // The linker script has its address, as a table entry.
.global boot_level2
boot_level2:
    .set    block, 0x701            // Normal, inner-shareable, accessed, block
    .rept   32
    .quad   block
    .set    block, block + 0x200000
    .endr
    .fill   480, 8, 0
