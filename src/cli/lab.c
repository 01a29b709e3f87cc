/* lab.c - `tandem lab`: the network lab of docs/lab.md, up and down, broken and healed.
 *
 * The work is lab/lab.sh's, where `ip`, vtysh and their like are at home; here are its
 * preconditions, said plainly, and what is known of a lab that is up. */
#include "cli/cli.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"

enum { LINE = 1024, COLUMNS = 9 };

struct lab {
    char scripts[512]; /* the folder of lab.sh */
    char id[32], run[256];
    bool json;
    const char *wait_s;
};

/* ---- where it is ---- */

static bool there(const char *folder, const char *file)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return access(path, R_OK) == 0;
}

/* The folder of this program, for a build that is not installed. */
static void own_folder(char *out, size_t cap)
{
    ssize_t n = readlink("/proc/self/exe", out, cap - 1);
    out[n < 0 ? 0 : n] = '\0';
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = '\0';
}

static void find_delayline(void)
{
    char folder[512], path[600];
    own_folder(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/lab/delayline", folder);
    if (access(path, X_OK) != 0)
        snprintf(path, sizeof path, "%s", LAB_LIBEXEC "/delayline");
    setenv("TANDEM_DELAYLINE", path, 0);
    snprintf(path, sizeof path, "%s/tandem", folder);
    setenv("TANDEM", path, 0);
}

static bool find(struct lab *l)
{
    const char *const folders[] = {getenv("TANDEM_LAB"), LAB_SOURCE, LAB_INSTALLED};
    const char *id = getenv("TANDEM_LAB_ID");
    snprintf(l->id, sizeof l->id, "%s", id && *id ? id : "tl");
    snprintf(l->run, sizeof l->run, "/run/tandem-lab/%s", l->id);
    setenv("TANDEM_LAB_ID", l->id, 1);
    setenv("TANDEM_LAB_RUN", l->run, 1);
    find_delayline();
    for (size_t i = 0; i < COUNTOF(folders); i++)
        if (folders[i] && there(folders[i], "lab.sh"))
            return str_copy(l->scripts, sizeof l->scripts, folders[i]);
    fprintf(stderr, "tandem lab: lab.sh is not there; TANDEM_LAB names its folder\n");
    return false;
}

/* ---- what it needs ---- */

static bool in_path(const char *program)
{
    char path[4096], *save = NULL;
    const char *all = getenv("PATH");
    if (strchr(program, '/'))
        return access(program, X_OK) == 0;
    if (!all || !str_copy(path, sizeof path, all))
        return false;
    for (char *p = strtok_r(path, ":", &save); p; p = strtok_r(NULL, ":", &save)) {
        char file[4400];
        snprintf(file, sizeof file, "%s/%s", p, program);
        if (access(file, X_OK) == 0)
            return true;
    }
    return false;
}

/* In a child, whose namespace ends with it. */
static int try_namespace(void)
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(unshare(CLONE_NEWNET) == 0 ? 0 : errno & 0xff);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static int possible(void)
{
    static const char *const programs[] = {"bash",  "ip",   "setsid", "/usr/lib/frr/bgpd",
                                           "vtysh", "bird", "birdc",  "gobgpd",
                                           "gobgp", "nft"};
    int error = geteuid() ? EPERM : try_namespace();
    if (error) {
        fprintf(stderr, "tandem lab: network namespaces cannot be made here: %s\n",
                strerror(error));
        return EXIT_AWAY;
    }
    if (access("/dev/net/tun", R_OK | W_OK) != 0) {
        fprintf(stderr, "tandem lab: /dev/net/tun: %s\n", strerror(errno));
        return EXIT_AWAY;
    }
    for (size_t i = 0; i < COUNTOF(programs); i++)
        if (!in_path(programs[i])) {
            fprintf(stderr,
                    "tandem lab: %s is not installed; the packages are in deps/lab.txt "
                    "(qa/setup.sh lab)\n",
                    programs[i]);
            return EXIT_AWAY;
        }
    return EXIT_DONE;
}

/* ---- the script ---- */

static void become(const struct lab *l, char **args)
{
    char script[600];
    char *argv[64] = {(char *)(uintptr_t) "bash", script};
    snprintf(script, sizeof script, "%s/lab.sh", l->scripts);
    for (size_t i = 0; args[i] && i + 3 < COUNTOF(argv); i++)
        argv[i + 2] = args[i];
    execvp("bash", argv);
    fprintf(stderr, "tandem lab: bash: %s\n", strerror(errno));
    _exit(EXIT_IO);
}

static int script(const struct lab *l, const char *verb, const char *arg)
{
    char *args[] = {(char *)(uintptr_t)verb, (char *)(uintptr_t)arg, NULL};
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        become(l, args);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return EXIT_IO;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_IO;
}

static int up(const struct lab *l)
{
    int rc = possible();
    if (rc == EXIT_DONE)
        rc = script(l, "up", NULL);
    return rc == EXIT_DONE && strcmp(l->wait_s, "0") != 0 ? script(l, "ready", l->wait_s) : rc;
}

/* ---- what there is ---- */

/* Rows of a file of the lab that are no comment: calls row(arg, columns) for each. */
static void each_row(const char *path, const char *between,
                     void (*row)(void *arg, char **column, int n), void *arg)
{
    char line[LINE];
    FILE *in = fopen(path, "r");
    while (in && fgets(line, sizeof line, in)) {
        char *column[COLUMNS] = {0}, *save = NULL;
        int n = 0;
        line[strcspn(line, "\n")] = '\0';
        if (*line == '#' || !*line)
            continue;
        for (char *p = strtok_r(line, between, &save); p && n < COLUMNS;
             p = strtok_r(NULL, between, &save))
            column[n++] = p;
        row(arg, column, n);
    }
    if (in)
        fclose(in);
}

struct shown {
    const struct lab *lab;
    struct jw json;
};

static bool alive(const char *pid_file)
{
    char text[32] = "", proc[64];
    FILE *in = fopen(pid_file, "r");
    bool read = in && fgets(text, sizeof text, in);
    if (in)
        fclose(in);
    snprintf(proc, sizeof proc, "/proc/%ld", read ? strtol(text, NULL, 10) : 0);
    return read && access(proc, F_OK) == 0;
}

static bool router_runs(const struct lab *l, const char *name, const char *program)
{
    char path[512];
    if (strcmp(program, "frr") == 0)
        snprintf(path, sizeof path, "/var/run/frr/%s-%s/bgpd.pid", l->id, name);
    else
        snprintf(path, sizeof path, "%s/%s/%s.pid", l->run, name, program);
    return alive(path);
}

static void pair(struct jw *w, const char *key, const char *value)
{
    jw_key(w, key);
    jw_str(w, value);
}

static void show_router(void *arg, char **c, int n)
{
    struct shown *s = arg;
    if (n < 5 || strcmp(c[0], "router") != 0)
        return;
    bool runs = router_runs(s->lab, c[1], c[3]);
    if (!s->lab->json) {
        printf("%-6s AS %-6s %-6s %-14s %s\n", c[1], c[2], c[3], c[4], runs ? "up" : "down");
        return;
    }
    jw_obj(&s->json);
    pair(&s->json, "router", c[1]);
    jw_key(&s->json, "asn");
    jw_int(&s->json, strtol(c[2], NULL, 10));
    pair(&s->json, "program", c[3]);
    pair(&s->json, "subnet", c[4]);
    jw_key(&s->json, "up");
    jw_bool(&s->json, runs);
    jw_end(&s->json);
}

static void show_fault(void *arg, char **c, int n)
{
    static const char *const keys[COLUMNS] = {"fault", "verdict", "place", "prefix", "from",
                                              "to",    "probes",  "bmp",   "summary"};
    struct shown *s = arg;
    char path[512];
    if (n < COLUMNS)
        return;
    snprintf(path, sizeof path, "%s/broken/%s", s->lab->run, c[0]);
    bool broken = access(path, F_OK) == 0;
    if (!s->lab->json) {
        printf("%-19s %-7s %s\n", c[0], broken ? "broken" : "", c[COLUMNS - 1]);
        return;
    }
    jw_obj(&s->json);
    for (int i = 0; i < COLUMNS; i++)
        pair(&s->json, keys[i], c[i]);
    jw_key(&s->json, "broken");
    jw_bool(&s->json, broken);
    jw_end(&s->json);
}

static int status(const struct lab *l)
{
    struct shown s = {.lab = l};
    struct buf b = {0};
    char topology[600], faults[600];
    bool is_up = there(l->run, "topology");
    snprintf(topology, sizeof topology, "%s/topology", is_up ? l->run : l->scripts);
    snprintf(faults, sizeof faults, "%s/faults.tsv", l->scripts);
    jw_begin(&s.json, &b);
    jw_obj(&s.json);
    jw_key(&s.json, "up");
    jw_bool(&s.json, is_up);
    jw_key(&s.json, "routers");
    jw_arr(&s.json);
    if (!l->json)
        printf("the lab is %s\n\n", is_up ? "up" : "down");
    each_row(topology, " ", show_router, &s);
    jw_end(&s.json);
    jw_key(&s.json, "faults");
    jw_arr(&s.json);
    if (!l->json)
        printf("\n");
    each_row(faults, "\t", show_fault, &s);
    jw_end(&s.json);
    jw_end(&s.json);
    jw_done(&s.json);
    if (l->json)
        printf("%s\n", b.data);
    buf_free(&b);
    return is_up ? EXIT_DONE : EXIT_NO;
}

int cmd_lab(int argc, char **argv)
{
    static const struct option longs[] = {{"wait", required_argument, 0, 'w'},
                                          {"json", no_argument, 0, 'j'},
                                          {"help", no_argument, 0, 'h'},
                                          {0}};
    const struct command *me = cli_command("lab");
    struct lab l = {.wait_s = "60"};
    bool others = argc > 1 && (!strcmp(argv[1], "exec") || !strcmp(argv[1], "vty"));
    /* Options of a command that is run elsewhere are its own. */
    for (int k; (k = cli_getopt(argc, argv, me, others ? "+w:jh" : "w:jh", longs)) != -1;) {
        switch (k) {
        case 'w': l.wait_s = optarg; break;
        case 'j': l.json = true; break;
        case 'h': return EXIT_DONE;
        default: return EXIT_USE;
        }
    }
    char **args = argv + optind;
    int n = argc - optind;
    const char *verb = n ? args[0] : "status";
    if (!find(&l))
        return EXIT_IO;
    if (n <= 1 && strcmp(verb, "up") == 0)
        return up(&l);
    if (n <= 1 && strcmp(verb, "status") == 0)
        return status(&l);
    static const struct {
        const char *verb;
        int least, most;
    } plain[] = {{"down", 1, 1},  {"ready", 1, 2}, {"break", 2, 2}, {"heal", 1, 2},
                 {"exec", 3, 60}, {"vty", 3, 60},  {"link", 5, 8}};
    for (size_t i = 0; i < COUNTOF(plain); i++)
        if (strcmp(verb, plain[i].verb) == 0 && n >= plain[i].least && n <= plain[i].most)
            become(&l, args);
    return cli_usage(me, "\"%s\" is not done so", verb);
}
