// A stack machine in one big switch, as interpreters of languages are. It runs a program that counts Collatz steps and keeps a histogram, n starts long.
#include "guest.h"

typedef enum {
    PUSH, LOAD, STORE, ADD, SUB, MUL, AND, OR, XOR, SHL, SHR, EQ, NE, LT, DUP, DROP, SWAP, JUMP, JUMP_IF, PEEK, POKE, CALL, RETURN, HALT,
} operation;

static uint32_t variables[16];
static uint32_t heap[1024];

enum { I, X, STEPS, LIMIT, SUM };

// Subroutine 40: ( x -- steps ). Main: for i in 1..limit: steps = collatz(i); heap[steps & 1023] += 1; sum = sum * 31 ^ steps.
static const int32_t program[] = {
    /*  0 */ PUSH, 1, STORE, I,
    /*  4 */ LOAD, I, LOAD, LIMIT, LT, JUMP_IF, 12, HALT,
    /* 12 */ LOAD, I, CALL, 60, STORE, STEPS,
    /* 18 */ LOAD, STEPS, PUSH, 1023, AND, DUP, PEEK, PUSH, 1, ADD, SWAP, POKE,
    /* 30 */ LOAD, SUM, PUSH, 31, MUL, LOAD, STEPS, XOR, STORE, SUM,
    /* 40 */ LOAD, I, PUSH, 1, ADD, STORE, I, JUMP, 4,
    /* 49 */ HALT, HALT, HALT, HALT, HALT, HALT, HALT, HALT, HALT, HALT, HALT,
    /* 60 */ STORE, X, PUSH, 0, STORE, STEPS,
    /* 66 */ LOAD, X, PUSH, 1, EQ, JUMP_IF, 112,
    /* 73 */ LOAD, X, PUSH, 1, AND, JUMP_IF, 88,
    /* 80 */ LOAD, X, PUSH, 1, SHR, JUMP, 96, HALT,
    /* 88 */ LOAD, X, PUSH, 3, MUL, PUSH, 1, ADD,
    /* 96 */ STORE, X, LOAD, STEPS, PUSH, 1, ADD, STORE, STEPS, JUMP, 66,
    /* 107 */ HALT, HALT, HALT, HALT, HALT,
    /* 112 */ LOAD, STEPS, RETURN,
};

static uint64_t interpret(void) {
    uint32_t stack[64], returns[64];
    uint32_t *top = stack;
    uint32_t *back = returns;
    uint64_t executed = 0;
    const int32_t *pc = program;
    while (1) {
        executed++;
        switch ((operation)*pc++) {
        case PUSH: *++top = (uint32_t)*pc++; break;
        case LOAD: *++top = variables[*pc++]; break;
        case STORE: variables[*pc++] = *top--; break;
        case ADD: top--; *top += top[1]; break;
        case SUB: top--; *top -= top[1]; break;
        case MUL: top--; *top *= top[1]; break;
        case AND: top--; *top &= top[1]; break;
        case OR: top--; *top |= top[1]; break;
        case XOR: top--; *top ^= top[1]; break;
        case SHL: top--; *top <<= top[1] & 31; break;
        case SHR: top--; *top >>= top[1] & 31; break;
        case EQ: top--; *top = *top == top[1]; break;
        case NE: top--; *top = *top != top[1]; break;
        case LT: top--; *top = *top < top[1]; break;
        case DUP: top++; *top = top[-1]; break;
        case DROP: top--; break;
        case SWAP: { uint32_t kept = *top; *top = top[-1]; top[-1] = kept; break; }
        case JUMP: pc = program + *pc; break;
        case JUMP_IF: pc = *top-- ? program + *pc : pc + 1; break;
        case PEEK: *top = heap[*top & 1023]; break;
        case POKE: heap[*top & 1023] = top[-1]; top -= 2; break;
        case CALL: *++back = (uint32_t)(pc - program) + 1; pc = program + *pc; break;
        case RETURN: pc = program + *back--; break;
        case HALT: return executed;
        }
    }
}

__attribute__((export_name("run"))) uint64_t run(uint32_t n) {
    for (int i = 0; i < 16; i++)
        variables[i] = 0;
    for (int i = 0; i < 1024; i++)
        heap[i] = 0;
    variables[LIMIT] = n;
    uint64_t sum = mix(SUM_START, interpret());
    sum = mix(sum, variables[SUM]);
    for (int i = 0; i < 1024; i++)
        sum = mix(sum, heap[i]);
    return sum;
}
