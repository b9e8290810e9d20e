// memcpy, memmove, memset, memcmp: what compiled code calls for moving bytes.
//
// The ones that come with the compiler are built for strict alignment: they fall to single bytes
// when source and destination are not aligned alike, which is how packets are. Normal memory
// allows unaligned access once the MMU is on, so these move pairs of registers. They are for normal
// memory only, cached or not; device registers are reached one by one.

.arch armv8-a
.text

// void *memmove(void *to, const void *from, size_t length): as memcpy, but the two may overlap.
// void *memcpy(void *to, const void *from, size_t length)
//
// Up to 64 bytes everything is loaded before anything is stored, so overlaps don't matter.
.global memmove
.type memmove, %function
memmove:
    cmp     x2, #64
    b.ls    copy_short
    sub     x3, x0, x1
    cmp     x3, x2                  // from <= to < from + length
    b.lo    copy_backwards
    mov     x16, x0
    b       copy_forwards           // not aligned first: that would store ahead of loads

.global memcpy
.type memcpy, %function
memcpy:
    cmp     x2, #64
    b.ls    copy_short
    mov     x16, x0

    // Align the destination: stores that cross 16 bytes cost more than such loads.
    ldp     x6, x7, [x1]
    neg     x3, x0
    and     x3, x3, #15
    stp     x6, x7, [x0]
    add     x0, x0, x3
    add     x1, x1, x3
    sub     x2, x2, x3
    cmp     x2, #64
    b.lo    copy_rest_forwards

copy_forwards:
    ldp     x6, x7, [x1]
    ldp     x8, x9, [x1, #16]
    ldp     x10, x11, [x1, #32]
    ldp     x12, x13, [x1, #48]
    stp     x6, x7, [x0]
    stp     x8, x9, [x0, #16]
    stp     x10, x11, [x0, #32]
    stp     x12, x13, [x0, #48]
    add     x0, x0, #64
    add     x1, x1, #64
    sub     x2, x2, #64
    cmp     x2, #64
    b.hs    copy_forwards
copy_rest_forwards:
    mov     x17, x30
    bl      copy_short
    mov     x0, x16
    ret     x17

copy_backwards:
    add     x4, x1, x2
    add     x5, x0, x2
1:  ldp     x6, x7, [x4, #-16]
    ldp     x8, x9, [x4, #-32]
    ldp     x10, x11, [x4, #-48]
    ldp     x12, x13, [x4, #-64]
    stp     x6, x7, [x5, #-16]
    stp     x8, x9, [x5, #-32]
    stp     x10, x11, [x5, #-48]
    stp     x12, x13, [x5, #-64]
    sub     x4, x4, #64
    sub     x5, x5, #64
    sub     x2, x2, #64
    cmp     x2, #64
    b.hs    1b
    // What is left is at the start of both.

// Copies 0 to 64 bytes; leaves x0 and x16 alone.
copy_short:
    add     x4, x1, x2
    add     x5, x0, x2
    cmp     x2, #16
    b.lo    1f
    cmp     x2, #32
    b.hi    3f
    ldp     x6, x7, [x1]
    ldp     x8, x9, [x4, #-16]
    stp     x6, x7, [x0]
    stp     x8, x9, [x5, #-16]
    ret
3:  ldp     x6, x7, [x1]
    ldp     x8, x9, [x1, #16]
    ldp     x10, x11, [x4, #-32]
    ldp     x12, x13, [x4, #-16]
    stp     x6, x7, [x0]
    stp     x8, x9, [x0, #16]
    stp     x10, x11, [x5, #-32]
    stp     x12, x13, [x5, #-16]
    ret
1:  tbz     x2, #3, 1f
    ldr     x6, [x1]
    ldr     x7, [x4, #-8]
    str     x6, [x0]
    str     x7, [x5, #-8]
    ret
1:  tbz     x2, #2, 1f
    ldr     w6, [x1]
    ldr     w7, [x4, #-4]
    str     w6, [x0]
    str     w7, [x5, #-4]
    ret
1:  cbz     x2, 2f
    lsr     x3, x2, #1              // 1, 2 or 3 bytes: first, middle, last
    ldrb    w6, [x1]
    ldrb    w7, [x1, x3]
    ldrb    w8, [x4, #-1]
    strb    w6, [x0]
    strb    w7, [x0, x3]
    strb    w8, [x5, #-1]
2:  ret

// void *memset(void *to, int byte, size_t length)
.global memset
.type memset, %function
memset:
    and     x1, x1, #0xff
    mov     x3, #0x0101010101010101
    mul     x1, x1, x3
    add     x5, x0, x2
    cmp     x2, #16
    b.lo    set_short
    stp     x1, x1, [x0]
    stp     x1, x1, [x5, #-16]
    cmp     x2, #32
    b.ls    2f
    // From the next multiple of 16 on; the first and last 16 bytes are done.
    add     x4, x0, #16
    and     x4, x4, #~15
    sub     x5, x5, #16
    cbnz    x1, 1f
    sub     x3, x5, x4
    cmp     x3, #256
    b.hs    zero_long
1:  cmp     x4, x5
    b.hs    2f
    stp     x1, x1, [x4], #16
    b       1b
2:  ret

// Zeros by cache line: x4 (aligned to 16) to x5.
zero_long:
    mrs     x6, dczid_el0
    tbnz    x6, #4, 1b              // DZP: DC ZVA is not allowed
    and     x6, x6, #0xf
    mov     x7, #4
    lsl     x7, x7, x6              // bytes that DC ZVA zeroes
    cmp     x3, x7, lsl #1
    b.lo    1b                      // not even one line for sure
    sub     x8, x7, #1
3:  tst     x4, x8
    b.eq    4f
    stp     xzr, xzr, [x4], #16
    b       3b
4:  sub     x3, x5, x4
    cmp     x3, x7
    b.lo    1b
    dc      zva, x4
    add     x4, x4, x7
    b       4b

set_short:
    tbz     x2, #3, 1f
    str     x1, [x0]
    str     x1, [x5, #-8]
    ret
1:  tbz     x2, #2, 1f
    str     w1, [x0]
    str     w1, [x5, #-4]
    ret
1:  cbz     x2, 2f
    lsr     x3, x2, #1
    strb    w1, [x0]
    strb    w1, [x0, x3]
    strb    w1, [x5, #-1]
2:  ret

// int memcmp(const void *a, const void *b, size_t length), and bcmp, which only asks for equality.
.global memcmp
.type memcmp, %function
.global bcmp
.type bcmp, %function
memcmp:
bcmp:
    cmp     x2, #8
    b.lo    2f
1:  ldr     x3, [x0], #8
    ldr     x4, [x1], #8
    sub     x2, x2, #8
    cmp     x3, x4
    b.ne    4f
    cmp     x2, #8
    b.hs    1b
2:  cbz     x2, 3f
    ldrb    w3, [x0], #1
    ldrb    w4, [x1], #1
    sub     x2, x2, #1
    subs    w3, w3, w4
    b.eq    2b
    mov     w0, w3
    ret
3:  mov     w0, wzr
    ret
4:  rev     x3, x3                  // the first byte decides
    rev     x4, x4
    cmp     x3, x4
    cset    w0, hi
    csinv   w0, w0, wzr, hs         // 1 or -1
    ret
