#!/usr/bin/env node
// embed_web.mjs - makes the dashboard's files ready to serve and writes them as one C table.
//
//   embed_web.mjs --web DIR --modules DIR [--add NAME=FILE]... --out FILE.c [--depfile FILE.d]
//   embed_web.mjs --web DIR --modules DIR [--add NAME=FILE]... --list        sizes, to read
//
// --web      the folder with index.html and the page's own modules
// --modules  node_modules; only the ES modules named in VENDOR below are taken from it
// --add      a file made by another step of the build, served as NAME
//
// The pages are served under `Content-Security-Policy: default-src 'self'`, which forbids inline
// scripts and with them an inline import map. So bare imports ("preact") are rewritten here to the
// paths they are served at. Comments and indentation of our own files are dropped; nothing else is
// changed, so what a browser's debugger shows is the source.
//
// tests/web/mock_server.mjs serves what collect() returns: tests see the same bytes as users.

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/* Served name -> { file in node_modules, bare specifier }. */
const VENDOR = {
    'vendor/preact.js': { file: 'preact/dist/preact.mjs', bare: 'preact' },
    'vendor/preact-hooks.js': { file: 'preact/hooks/dist/hooks.mjs', bare: 'preact/hooks' },
    'vendor/htm.js': { file: 'htm/dist/htm.mjs', bare: 'htm' },
    'vendor/signals.js': {
        file: '@preact/signals/dist/signals.module.js',
        bare: '@preact/signals',
    },
    'vendor/signals-core.js': {
        file: '@preact/signals-core/dist/signals-core.module.js',
        bare: '@preact/signals-core',
    },
};

const CONTENT_TYPES = {
    '.html': 'text/html; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.css': 'text/css; charset=utf-8',
    '.svg': 'image/svg+xml',
    '.txt': 'text/plain; charset=utf-8',
};

/* Where an import or export names its module. Minified code writes `}from"x"`, ours `from 'x'`. */
const FROM = /\bfrom\s*(["'])([^"'\n]+)\1/g;
const IMPORT_ONLY = /(^|[;\n])import\s*(["'])([^"'\n]+)\2/g;

function rewrite_imports(text, served_as) {
    const up = served_as.includes('/') ? '../' : './';
    const resolve = (bare) => {
        if (bare.startsWith('.')) return bare;
        for (const [name, v] of Object.entries(VENDOR)) if (v.bare === bare) return up + name;
        throw new Error(`${served_as}: import of "${bare}", which VENDOR in embed_web.mjs lacks`);
    };
    return text
        .replace(FROM, (_, q, bare) => `from ${q}${resolve(bare)}${q}`)
        .replace(IMPORT_ONLY, (_, before, q, bare) => `${before}import ${q}${resolve(bare)}${q}`);
}

/* Drops comments that fill whole lines, and indentation. Our sources keep comments on lines of
 * their own and never begin a line of a template with a comment sign, so no parser is needed. */
function strip_js(text) {
    return text
        .replace(/^[ \t]*\/\*[\s\S]*?\*\/[ \t]*$/gm, '')
        .replace(/^[ \t]*\/\/.*$/gm, '')
        .replace(/^[ \t]+/gm, '')
        .replace(/\n{2,}/g, '\n')
        .trimStart();
}

function strip_css(text) {
    return text
        .replace(/\/\*[\s\S]*?\*\//g, '')
        .replace(/\s*\n\s*/g, '\n')
        .replace(/\s*([{};,])\s*/g, '$1')
        .replace(/: /g, ':')
        .trim();
}

function strip_html(text) {
    return text.replace(/<!--[\s\S]*?-->\s*/g, '').replace(/^[ \t]+/gm, '');
}

/* A page that loads a tree of modules would find each level only after the one above it: the list
 * of all of them in the head lets the browser ask for them at once. */
function add_preloads(html, names) {
    const links = names.map((n) => `<link rel="modulepreload" href="${n}">`).join('\n');
    return html.replace('<!-- modulepreload -->', links);
}

function license_text(modules) {
    const packages = [
        ...new Set(
            Object.values(VENDOR).map((v) => {
                const part = v.file.split('/');
                return part[0].startsWith('@') ? part.slice(0, 2).join('/') : part[0];
            }),
        ),
    ];
    return packages
        .map((p) => {
            const { version, license } = JSON.parse(readFileSync(join(modules, p, 'package.json')));
            const file = readdirSync(join(modules, p)).find((f) => /^licen[cs]e/i.test(f));
            const text = file ? readFileSync(join(modules, p, file), 'utf8').trim() : '';
            return `${p} ${version} (${license})\n\n${text}\n`;
        })
        .join(`\n${'-'.repeat(80)}\n\n`);
}

const CODINGS = ['identity', 'gzip', 'br'];

/* All files, sorted by name: [{ name, type, etag, identity, gzip, br: Buffers }], and in `inputs`
 * the paths they were made from. `add`: { served name: path }. */
export function collect({ web, modules, add = {} }) {
    const inputs = [];
    const read = (path) => {
        inputs.push(path);
        return readFileSync(path, 'utf8');
    };
    const text = {};
    const own = readdirSync(web)
        .filter((f) => CONTENT_TYPES[extname(f)])
        .sort();
    for (const f of own) text[f] = read(join(web, f));
    for (const [name, path] of Object.entries(add)) text[name] = read(path);
    for (const name of Object.keys(text)) {
        const kind = extname(name);
        if (kind === '.js') text[name] = rewrite_imports(strip_js(text[name]), name);
        else if (kind === '.css') text[name] = strip_css(text[name]);
    }
    for (const [name, v] of Object.entries(VENDOR)) {
        const raw = read(join(modules, v.file)).replace(/\n?\/[/*]# sourceMappingURL=.*$/m, '');
        text[name] = rewrite_imports(raw, name);
    }
    const modules_used = Object.keys(text).filter((n) => extname(n) === '.js' && n !== 'theme.js');
    if (text['index.html'])
        text['index.html'] = strip_html(add_preloads(text['index.html'], modules_used));
    text['vendor/licenses.txt'] = license_text(modules);

    const files = Object.keys(text)
        .sort()
        .map((name) => {
            const identity = Buffer.from(text[name], 'utf8');
            const gzip = gzipSync(identity, { level: 9, memLevel: 9 });
            gzip[9] = 255; // "made on": unknown, so that every host writes the same
            const br = brotliCompressSync(identity, {
                params: { [constants.BROTLI_PARAM_QUALITY]: 11 },
            });
            const hash = createHash('sha256').update(identity).digest('hex').slice(0, 16);
            return {
                name,
                type: CONTENT_TYPES[extname(name)],
                etag: `"${hash}"`,
                identity,
                gzip,
                br,
            };
        });
    return { files, inputs };
}

function c_bytes(name, bytes) {
    const rows = [];
    for (let i = 0; i < bytes.length; i += 24)
        rows.push('    ' + [...bytes.subarray(i, i + 24)].join(', ') + ',');
    return `static const uint8_t ${name}[] = {\n${rows.join('\n')}\n};\n`;
}

/* The table that web/web_assets.h declares. */
export function c_source(files) {
    const out = ['/* Made by tools/embed_web.mjs from web/. */', '#include "web/web_assets.h"', ''];
    const span = (name) => `{(const char *)${name}, sizeof ${name}}`;
    files.forEach((f, i) => {
        for (const coding of CODINGS) out.push(c_bytes(`${coding}_${i}`, f[coding]));
    });
    out.push('const struct web_asset web_assets[] = {');
    files.forEach((f, i) => {
        const path = f.name === 'index.html' ? '/' : `/${f.name}`;
        out.push(
            `    {${JSON.stringify(path)},`,
            `     {.type = ${JSON.stringify(f.type)},`,
            `      .etag = ${JSON.stringify(f.etag)},`,
            ...CODINGS.map((coding) => `      .${coding} = ${span(`${coding}_${i}`)},`),
            '     }},',
        );
    });
    out.push('};', `const size_t web_assets_n = ${files.length};`, '');
    return out.join('\n');
}

function list(files) {
    const row = (name, ...sizes) =>
        name.padEnd(28) + sizes.map((n) => String(n).padStart(9)).join('');
    const page = files.filter((f) => f.name !== 'vendor/licenses.txt');
    const sum = (key) => page.reduce((n, f) => n + f[key].length, 0);
    return [
        row('file', ...CODINGS),
        ...files.map((f) => row(f.name, ...CODINGS.map((c) => f[c].length))),
        row('what a page loads', ...CODINGS.map(sum)),
    ].join('\n');
}

function main(argv) {
    const options = { add: {} };
    for (let i = 0; i < argv.length; i++) {
        if (argv[i] === '--add') {
            const [name, path] = argv[++i].split('=');
            options.add[name] = path;
        } else if (argv[i] === '--list') {
            options.list = true;
        } else {
            options[argv[i].replace(/^--/, '')] = argv[++i];
        }
    }
    const { files, inputs } = collect(options);
    if (options.list) console.log(list(files));
    if (options.out) writeFileSync(options.out, c_source(files));
    if (options.depfile) writeFileSync(options.depfile, `${options.out}: ${inputs.join(' ')}\n`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
    main(process.argv.slice(2));
