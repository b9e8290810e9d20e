// From QEMU's jump to Rust: the MMU on, all memory mapped where it is.

.arch armv8-a
.section .text.boot, "ax"
.global start
start:
    ldr     x1, =stack_top
    mov     sp, x1
    ldr     x1, =bss_start
    ldr     x2, =bss_end
1:  cmp     x1, x2
    b.hs    2f
    stp     xzr, xzr, [x1], #16
    b       1b
2:
    ldr     x1, =0x04ff             // MAIR: 0 Normal write-back, 1 Device-nGnRE
    msr     mair_el1, x1
    ldr     x1, =0x100803519        // TCR: 39 bits, write-back tables, no upper half, 36 bits out
    msr     tcr_el1, x1
    adrp    x1, table
    add     x1, x1, :lo12:table
    msr     ttbr0_el1, x1
    tlbi    vmalle1
    dsb     nsh
    isb
    ldr     x1, =0x30d01805         // SCTLR: MMU and caches on, no alignment check
    msr     sctlr_el1, x1
    isb
    // The cycle counter, which under -icount counts instructions, at all levels.
    msr     pmccfiltr_el0, xzr
    mov     x1, #(1 << 31)
    msr     pmcntenset_el0, x1
    mov     x1, #0x41               // PMCR: 64 bits, on
    msr     pmcr_el0, x1
    isb
    bl      main
3:  wfi
    b       3b

// 1 GiB blocks: devices, then memory.
.section .data
.balign 4096
table:
    .quad   0x0060000000000405
    .quad   0x0000000040000701
    .fill   510, 8, 0
