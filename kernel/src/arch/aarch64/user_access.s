// Copies between kernel and user memory. The unprivileged loads and stores (LDTR, STTR) have the
// rights of EL0, so that a bad pointer can reach nothing that the program itself could not.
//
// A fault in here returns through `user_access_fault` with x2 = bytes not copied and, put there by
// the exception handler, x1 = the address that faulted. No function uses the stack.

.arch armv8-a
.text

.global user_access_start
user_access_start:

// extern "C" fn copy_from_user(to: *mut u8, from: u64, length: usize) -> Outcome
.global copy_from_user
copy_from_user:
    cmp     x2, #32
    b.lo    2f
1:  ldtr    x3, [x1]
    ldtr    x4, [x1, #8]
    ldtr    x5, [x1, #16]
    ldtr    x6, [x1, #24]
    stp     x3, x4, [x0]
    stp     x5, x6, [x0, #16]
    add     x0, x0, #32
    add     x1, x1, #32
    sub     x2, x2, #32
    cmp     x2, #32
    b.hs    1b
2:  cmp     x2, #8
    b.lo    3f
    ldtr    x3, [x1]
    str     x3, [x0], #8
    add     x1, x1, #8
    sub     x2, x2, #8
    b       2b
3:  cbz     x2, 4f
    ldtrb   w3, [x1]
    strb    w3, [x0], #1
    add     x1, x1, #1
    sub     x2, x2, #1
    b       3b
4:  mov     x0, xzr
    ret

// extern "C" fn copy_to_user(from: *const u8, to: u64, length: usize) -> Outcome
.global copy_to_user
copy_to_user:
    cmp     x2, #32
    b.lo    2f
1:  ldp     x3, x4, [x0]
    ldp     x5, x6, [x0, #16]
    sttr    x3, [x1]
    sttr    x4, [x1, #8]
    sttr    x5, [x1, #16]
    sttr    x6, [x1, #24]
    add     x0, x0, #32
    add     x1, x1, #32
    sub     x2, x2, #32
    cmp     x2, #32
    b.hs    1b
2:  cmp     x2, #8
    b.lo    3f
    ldr     x3, [x0], #8
    sttr    x3, [x1]
    add     x1, x1, #8
    sub     x2, x2, #8
    b       2b
3:  cbz     x2, 4f
    ldrb    w3, [x0], #1
    sttrb   w3, [x1]
    add     x1, x1, #1
    sub     x2, x2, #1
    b       3b
4:  mov     x0, xzr
    ret

.global user_access_end
user_access_end:

.global user_access_fault
user_access_fault:
    mov     x0, x2
    ret
