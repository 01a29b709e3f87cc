/* yaml_to_json.c - a YAML file as JSON inside a C file, for what is written by hand and served by
 * the program.
 *
 *   yaml_to_json IN.yaml OUT.c NAME     defines `const struct http_asset NAME`
 *   yaml_to_json IN.yaml -              prints the JSON
 *
 * Plain scalars that JSON has (true, false, null, numbers as JSON writes them) become those, all
 * others text. Anchors, aliases and tags are refused: the file is to be read as it stands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/json.h"
#include "base/rng.h"

static NORETURN void fail(const yaml_parser_t *p, const char *what)
{
    fprintf(stderr, "yaml_to_json: line %zu: %s\n", p->mark.line + 1, what);
    exit(1);
}

static bool is_number(const char *s)
{
    size_t n = strspn(s, "-");
    size_t whole = strspn(s + n, "0123456789");
    if (n > 1 || !whole || (whole > 1 && s[n] == '0'))
        return false;
    n += whole;
    if (s[n] == '.') {
        size_t part = strspn(s + n + 1, "0123456789");
        if (!part)
            return false;
        n += 1 + part;
    }
    return !s[n];
}

static void put_scalar(struct jw *w, const yaml_event_t *e)
{
    const char *s = (const char *)e->data.scalar.value;
    size_t n = e->data.scalar.length;
    bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (plain && (!strcmp(s, "true") || !strcmp(s, "false") || !strcmp(s, "null") || is_number(s)))
        jw_raw(w, s, n);
    else
        jw_strn(w, s, n);
}

static void convert(yaml_parser_t *p, struct jw *w)
{
    bool map[JW_DEPTH_MAX + 1] = {0}, key_next[JW_DEPTH_MAX + 1] = {0};
    int depth = 0;
    for (bool done = false; !done;) {
        yaml_event_t e;
        if (!yaml_parser_parse(p, &e))
            fail(p, p->problem ? p->problem : "cannot be read");
        bool key = map[depth] && key_next[depth];
        switch (e.type) {
        case YAML_ALIAS_EVENT: fail(p, "aliases are not taken");
        case YAML_SCALAR_EVENT:
            if (e.data.scalar.anchor || e.data.scalar.tag)
                fail(p, "anchors and tags are not taken");
            if (key)
                jw_key(w, (const char *)e.data.scalar.value);
            else
                put_scalar(w, &e);
            key_next[depth] = !key;
            break;
        case YAML_MAPPING_START_EVENT:
        case YAML_SEQUENCE_START_EVENT:
            if (key || depth == JW_DEPTH_MAX)
                fail(p, "a key must be text, and not so deep");
            key_next[depth] = true;
            map[++depth] = e.type == YAML_MAPPING_START_EVENT;
            key_next[depth] = true;
            if (map[depth])
                jw_obj(w);
            else
                jw_arr(w);
            break;
        case YAML_MAPPING_END_EVENT:
        case YAML_SEQUENCE_END_EVENT:
            jw_end(w);
            depth--;
            break;
        case YAML_STREAM_END_EVENT: done = true; break;
        default: break;
        }
        yaml_event_delete(&e);
    }
}

static void write_c(FILE *f, const char *name, const struct buf *b)
{
    fprintf(f, "/* Made by tools/yaml_to_json.c. */\n#include \"http/http.h\"\n\n"
               "static const unsigned char text[] = {");
    for (size_t i = 0; i < b->len; i++)
        fprintf(f, "%s%u,", i % 24 ? "" : "\n", (unsigned char)b->data[i]);
    fprintf(f,
            "};\nextern const struct http_asset %s;\nconst struct http_asset %s = {"
            ".type = \"application/json\", .etag = \"\\\"%016llx\\\"\", "
            ".identity = {(const char *)text, sizeof text}};\n",
            name, name, (unsigned long long)hash_bytes(b->data, b->len));
}

int main(int argc, char **argv)
{
    if (argc < 3 || (argc != 4 && strcmp(argv[2], "-") != 0)) {
        fprintf(stderr, "usage: yaml_to_json IN.yaml OUT.c NAME | yaml_to_json IN.yaml -\n");
        return 2;
    }
    yaml_parser_t parser;
    FILE *in = fopen(argv[1], "rb");
    bool print = strcmp(argv[2], "-") == 0;
    FILE *out = print ? stdout : fopen(argv[2], "wb");
    if (!in || !out || !yaml_parser_initialize(&parser)) {
        fprintf(stderr, "yaml_to_json: cannot open %s\n", in ? argv[2] : argv[1]);
        return 1;
    }
    yaml_parser_set_input_file(&parser, in);
    struct buf b = {0};
    struct jw w;
    jw_begin(&w, &b);
    convert(&parser, &w);
    jw_done(&w);
    if (print)
        fprintf(out, "%s\n", b.data);
    else
        write_c(out, argv[3], &b);
    bool ok = fflush(out) == 0 && !ferror(out);
    yaml_parser_delete(&parser);
    buf_free(&b);
    fclose(in);
    return ok && (print || fclose(out) == 0) ? 0 : 1;
}
