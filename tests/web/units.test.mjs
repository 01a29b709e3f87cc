// units.test.mjs - what of the dashboard needs no browser: figures and times as text, the preview
// of an operator's act, the labels of the map, and the build step that embeds the pages.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { c_source, collect } from '../../tools/embed_web.mjs';
import * as f from '../../web/format.js';
import * as preview from '../../web/preview.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

describe('format', () => {
    test('what is not known is never 0', () => {
        for (const made of [
            f.count,
            f.percent,
            f.signed,
            f.span_s,
            f.ago,
            (x) => f.fixed(x, 1),
            (x) => f.clock(x, 'utc'),
        ])
            for (const x of [undefined, null, NaN]) assert.equal(made(x), '–');
    });
    test('counts, parts, signs', () => {
        assert.equal(f.count(1234567), '1,234,567');
        assert.equal(f.percent(0.4993, 2), '49.93 %');
        assert.equal(f.signed(-3.24), '−3.2');
        assert.equal(f.signed(3.26), '+3.3');
        assert.equal(f.signed(-0.04), '0.0', 'no sign on what rounds to nothing');
    });
    test('lengths of time never show a 60 of the smaller unit', () => {
        const cases = [
            [0, '0.0 s'],
            [9.94, '9.9 s'],
            [9.96, '10 s'],
            [59.4, '59 s'],
            [59.6, '1 m 00 s'],
            [125, '2 m 05 s'],
            [3599.4, '59 m 59 s'],
            [3600, '1 h 00 m'],
            [3659, '1 h 01 m'],
            [7199, '2 h 00 m'],
            [86400 * 4.25, '4 d 6 h'],
        ];
        for (const [s, text] of cases) assert.equal(f.span_s(s), text);
        for (let s = 0; s < 400000; s += 7.3) assert.doesNotMatch(f.span_s(s), /\b60 [ms]\b/);
    });
    test('times that somebody has set are as short as they can be', () => {
        const cases = [
            [20, '20 s'],
            [90, '1 m 30 s'],
            [120, '2 m'],
            [3600, '1 h'],
            [5400, '1 h 30 m'],
            [14400, '4 h'],
        ];
        for (const [s, text] of cases) assert.equal(f.set_s(s), text);
    });
    test('an age is never younger than it is', () => {
        assert.equal(f.ago(499), '0.4 s ago');
        assert.equal(f.ago(4999), '4.9 s ago');
        assert.equal(f.ago(14999), '14 s ago');
    });
    test('clock in UTC', () => {
        assert.equal(f.clock(Date.UTC(2025, 2, 4, 0, 5, 9), 'utc'), '00:05:09');
        assert.equal(f.day(Date.UTC(2025, 2, 4), 'utc'), 'Tue 4 Mar');
    });
    test('short names of regions are the ones AWS uses', () => {
        const cases = {
            'us-east-1': 'use1',
            'ap-southeast-2': 'apse2',
            'eu-central-1': 'euc1',
            'ap-northeast-1': 'apne1',
            hub: 'hub',
            frankfurt: 'frank…',
        };
        for (const [name, text] of Object.entries(cases)) assert.equal(f.short_name(name), text);
    });
});

describe('preview', () => {
    const site = (name, group, share, rate, occupancy, more = {}) => ({
        name,
        group,
        state: 'in-service',
        ready: true,
        share_wanted: share,
        arrivals_per_min: rate,
        occupancy,
        ...more,
    });
    const sites = [
        site('a', 'us', 0.5, 12, 0.8),
        site('b', 'us', 0.3, 6, 0.6),
        site('c', 'us', 0.2, 6, 0.5),
        site('d', 'eu', 1, 9, 0.7),
    ];

    test('a drain spreads over its own group by share', () => {
        const p = preview.drain(sites, 'a');
        assert.deepEqual(p.takers, ['b', 'c']);
        const then = Object.fromEntries(p.rows.map((r) => [r.site, r.then]));
        assert.equal(then.a, 0);
        assert.ok(Math.abs(then.b - 24 * 0.6) < 1e-9 && Math.abs(then.c - 24 * 0.4) < 1e-9);
        const b = p.rows.find((r) => r.site === 'b');
        assert.ok(
            Math.abs(b.occupancy - 0.6 * (14.4 / 6)) < 1e-9,
            'occupancy grows with the arrivals',
        );
        assert.ok(!('d' in then), 'another group is not touched');
    });
    test('nothing goes to a site that is drained, down or not ready', () => {
        for (const more of [{ state: 'drained' }, { state: 'down' }, { ready: false }]) {
            const p = preview.drain(
                sites.map((s) => (s.name === 'b' ? { ...s, ...more } : s)),
                'a',
            );
            assert.deepEqual(p.takers, ['c']);
            assert.equal(p.rows.find((r) => r.site === 'c').then.toFixed(9), '24.000000000');
        }
    });
    test('the last of a group says that another group must take them', () => {
        const p = preview.drain(sites, 'd');
        assert.deepEqual([p.takers, p.rows], [[], []]);
        assert.deepEqual(p.elsewhere, ['a', 'b', 'c']);
    });
    test('a restore gives back the share of the policy', () => {
        const policy = {
            shares: [
                { site: 'a', group: 'us', share: 0.5 },
                { site: 'b', group: 'us', share: 0.25 },
                { site: 'c', group: 'us', share: 0.25 },
            ],
        };
        const drained = sites.map((s) =>
            s.name === 'a' ? { ...s, state: 'drained', share_wanted: 0, arrivals_per_min: 0 } : s,
        );
        const p = preview.restore(drained, 'a', policy);
        assert.equal(p.share, 0.5);
        assert.deepEqual(
            p.rows.map((r) => r.then),
            [6, 3, 3],
        );
    });
    test('a policy shows each share before and after', () => {
        const of = (share) => ({ shares: [{ site: 'a', group: 'us', share }] });
        assert.deepEqual(preview.policy([sites[0]], of(0.5), of(0.7)), [
            { site: 'a', group: 'us', now: 0.5, then: 0.7 },
        ]);
    });
});

describe('embedding', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tandem-embed-'));
    const made = process.env.MAP_JS ?? join(folder, 'land.js');
    if (!process.env.MAP_JS)
        execFileSync(process.execPath, [join(ROOT, 'tools/make_map.mjs'), made]);
    const { files, inputs } = collect({
        web: join(ROOT, 'web'),
        modules: join(ROOT, 'node_modules'),
        add: { 'land.js': made },
    });
    const by_name = new Map(files.map((x) => [x.name, x]));

    test('every import leads to a file that is served', () => {
        let seen = 0;
        for (const x of files.filter((y) => y.name.endsWith('.js')))
            for (const m of x.identity
                .toString()
                .matchAll(/(?:\bfrom\s*|(?:^|[;\n])import\s*)["']([^"'\n]+)["']/g)) {
                const path = new URL(m[1], `http://x/${x.name}`).pathname.slice(1);
                assert.ok(m[1].startsWith('.') && by_name.has(path), `${x.name} imports ${m[1]}`);
                seen++;
            }
        assert.ok(seen > 50, `only ${seen} imports were seen`);
    });
    test('every module still parses after comments were taken out', () => {
        for (const x of files.filter((y) => y.name.endsWith('.js'))) {
            const path = join(folder, 'check.mjs');
            writeFileSync(path, x.identity);
            execFileSync(process.execPath, ['--check', path]);
        }
    });
    test('the codings hold the same bytes, and the page is under 60 KB', () => {
        let page = 0;
        for (const x of files) {
            assert.deepEqual(gunzipSync(x.gzip), x.identity);
            assert.deepEqual(brotliDecompressSync(x.br), x.identity);
            page += x.name === 'vendor/licenses.txt' ? 0 : x.gzip.length;
        }
        assert.ok(page < 60000, `${page} bytes of gzip`);
    });
    test('nothing inline, nothing from elsewhere: the security policy holds', () => {
        const html = by_name.get('index.html').identity.toString();
        assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=|https?:/);
        for (const x of files.filter(
            (y) => !y.name.startsWith('vendor/') && !y.name.endsWith('.svg'),
        ))
            assert.doesNotMatch(x.identity.toString(), /https?:\/\//, x.name);
    });
    test(
        'the C table compiles and holds the same bytes',
        { skip: !has_cc() && 'no C compiler' },
        () => {
            writeFileSync(join(folder, 'assets.c'), c_source(files));
            writeFileSync(
                join(folder, 'main.c'),
                `#include <stdio.h>
#include "web/web_assets.h"
int main(void)
{
    for (size_t i = 0; i < web_assets_n; i++) {
        const struct http_asset *a = &web_assets[i].asset;
        printf("%s %s %zu %zu %zu\\n", web_assets[i].path, a->etag, a->identity.n, a->gzip.n,
               a->br.n);
    }
    const struct http_asset *a = &web_assets[0].asset;
    fwrite(a->gzip.p, 1, a->gzip.n, stderr);
    return 0;
}
`,
            );
            execFileSync('cc', [
                '-std=gnu17',
                '-Wall',
                '-Wextra',
                '-Werror',
                `-I${ROOT}`,
                `-I${join(ROOT, 'src')}`,
                '-o',
                join(folder, 'a'),
                join(folder, 'assets.c'),
                join(folder, 'main.c'),
            ]);
            const lines = execFileSync(join(folder, 'a'), { stdio: ['ignore', 'pipe', 'ignore'] })
                .toString()
                .trim()
                .split('\n');
            assert.deepEqual(
                lines,
                files.map((x) => {
                    const path = x.name === 'index.html' ? '/' : `/${x.name}`;
                    const sizes = [x.identity, x.gzip, x.br].map((bytes) => bytes.length);
                    return [path, x.etag, ...sizes].join(' ');
                }),
            );
            assert.ok(inputs.includes(made));
        },
    );
    test('an import that nobody provides stops the build', () => {
        const web = mkdtempSync(join(tmpdir(), 'tandem-embed-'));
        writeFileSync(join(web, 'app.js'), "import x from 'left-pad';\n");
        assert.throws(
            () => collect({ web, modules: join(ROOT, 'node_modules') }),
            /app\.js: import of "left-pad"/,
        );
    });
    test('the list of sources in meson.build is whole', () => {
        const meson = readFileSync(join(ROOT, 'web/meson.build'), 'utf8');
        const served = inputs
            .filter((p) => p.startsWith(join(ROOT, 'web/')))
            .map((p) => p.slice(join(ROOT, 'web/').length));
        for (const name of served)
            assert.ok(meson.includes(`'${name}'`), `web/meson.build does not list ${name}`);
    });
});

function has_cc() {
    try {
        execFileSync('cc', ['--version'], { stdio: 'ignore' });
        return true;
    } catch {
        return false;
    }
}
