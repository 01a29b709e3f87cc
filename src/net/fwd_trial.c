/* fwd_trial.c - trials: what was changed is written down, and taken back without looking again.
 *
 * A trial that touches thousands of prefixes costs twice what it costs to make the changes if they
 * are undone by making the opposite ones, with all their checks. So a trial writes down which class
 * each node had, how nodes were linked, and what went into and out of the register; undone in
 * reverse, the model is as it was, down to the order of its lists. */
#include "net/fwd_i.h"

enum { KEPT = 1 << 16 }; /* entries of a list that stay for the next trial */

#define PUSH(list, n, cap, ...)                                                                    \
    do {                                                                                           \
        if ((n) == (cap)) {                                                                        \
            (cap) = (cap)*2 + 64;                                                                  \
            (list) = mem_grow((list), (cap), sizeof *(list));                                      \
        }                                                                                          \
        (list)[(n)++] = __VA_ARGS__;                                                               \
    } while (0)

/* ---- what is around a node ---- */

static void forget_above(struct journal *j)
{
    if (++j->age == 0) { /* once in four thousand million changes */
        memset(j->above, 0, sizeof *j->above << ABOVE_BITS);
        j->age = 1;
    }
}

static struct above *above_at(const struct journal *j, uint32_t i, uint16_t r)
{
    return &j->above[(i ^ r) & ((1u << ABOVE_BITS) - 1)];
}

/* Prefixes that are looked at one after the other are close in the tree, and mostly without a rule
 * on the way up: what was found for one is kept at each node of its way. */
uint16_t trial_set_above(struct fwd *f, uint32_t i, uint16_t r)
{
    const struct journal *j = &f->journal;
    uint32_t known = i;
    uint16_t set;
    for (;;) {
        const struct above *a = above_at(j, known, r);
        if (a->node == known && a->router == r && a->age == j->age) {
            set = a->set;
            break;
        }
        const struct node *x = node_at(f, known);
        set = x->class ? class_vector(f, x->class)[r] : FWD_NONE;
        if (set || !x->up)
            break;
        known = x->up;
    }
    for (; i != known; i = node_at(f, i)->up)
        *above_at(j, i, r) = (struct above){i, j->age, r, set};
    return set;
}

/* ---- the journal ---- */

void trial_node(struct fwd *f, uint32_t i, enum saved_what what)
{
    struct journal *j = &f->journal;
    PUSH(j->saved, j->n_saved, j->saved_cap, (struct saved){what, i, *node_at(f, i)});
}

void trial_moved(struct fwd *f, uint32_t i, uint32_t class)
{
    struct journal *j = &f->journal;
    PUSH(j->moved, j->n_moved, j->moved_cap, (struct moved){i, class});
    if (node_at(f, i)->kid[0] || node_at(f, i)->kid[1]) /* of a leaf nobody inherits */
        forget_above(j);
}

void trial_logged(struct fwd *f, uint32_t entry, uint32_t before)
{
    struct journal *j = &f->journal;
    PUSH(j->logged, j->n_logged, j->logged_cap, (struct logged){entry, before});
}

void fwd_trial(struct fwd *f)
{
    struct journal *j = &f->journal;
    BUG_ON(f->in_trial);
    f->in_trial = true;
    j->unregistered = f->unregistered;
    if (!j->clean) {
        j->clean = mem_new(1 << CLEAN_BITS, sizeof *j->clean);
        j->step = mem_new(1 << STEP_BITS, sizeof *j->step);
        j->above = mem_new(1 << ABOVE_BITS, sizeof *j->above);
    }
    forget_above(j);
    if (++j->number == 0) { /* once in four thousand million trials */
        memset(j->clean, 0, sizeof *j->clean << CLEAN_BITS);
        memset(j->step, 0, sizeof *j->step << STEP_BITS);
        j->number = 1;
    }
}

/* A trial of a whole table writes as much as the model has. */
static void trim(struct journal *j)
{
    if (j->saved_cap > KEPT) {
        mem_free(j->saved);
        j->saved = NULL;
        j->saved_cap = 0;
    }
    if (j->moved_cap > KEPT) {
        mem_free(j->moved);
        j->moved = NULL;
        j->moved_cap = 0;
    }
    if (j->logged_cap > KEPT) {
        mem_free(j->logged);
        j->logged = NULL;
        j->logged_cap = 0;
    }
}

/* The register first: it finds its entries by marks that nodes carry. Then classes, which a node
 * that the trial made has to give back before it goes. */
void fwd_trial_undo(struct fwd *f)
{
    struct journal *j = &f->journal;
    BUG_ON(!f->in_trial);
    f->in_trial = false;
    while (j->n_logged)
        fault_undo(f, j->logged[--j->n_logged]);
    while (j->n_moved)
        class_undo(f, j->moved[--j->n_moved]);
    while (j->n_saved)
        tree_undo(f, &j->saved[--j->n_saved]);
    f->unregistered = j->unregistered;
    trim(j);
}

void trial_free(struct fwd *f)
{
    void *all[] = {f->journal.saved, f->journal.moved, f->journal.logged,
                   f->journal.clean, f->journal.step,  f->journal.above};
    for (size_t k = 0; k < COUNTOF(all); k++)
        mem_free(all[k]);
}

size_t trial_bytes(const struct fwd *f)
{
    const struct journal *j = &f->journal;
    size_t known = (sizeof *j->clean << CLEAN_BITS) + (sizeof *j->step << STEP_BITS) +
                   (sizeof *j->above << ABOVE_BITS);
    return j->saved_cap * sizeof *j->saved + j->moved_cap * sizeof *j->moved +
           j->logged_cap * sizeof *j->logged + (j->clean ? known : 0);
}
