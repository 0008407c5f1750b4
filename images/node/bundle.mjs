// What the Node recipe asks of a project and does to ncc's output.
//
//   bundle.mjs lock              is the lock in step with package.json?
//   bundle.mjs repoint URL       tarballs of any registry are asked of this one
//   bundle.mjs entry [built]     the file that starts the project; once built it must exist
//   bundle.mjs addons            does any dependency have an install script?
//   bundle.mjs missing DIST      modules that ncc did not find and the project itself asks for
//   bundle.mjs absent DIST       those that only some dependency would use if it were there
//   bundle.mjs pack DIST OUT     one file out of ncc's output
//
// A question without an answer exits 1 and says why.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';

function stop(message) {
    console.error(message);
    process.exit(1);
}

function readJson(file) {
    try {
        return JSON.parse(fs.readFileSync(file, 'utf8'));
    } catch (error) {
        return stop(`${file}: ${error.message}`);
    }
}

function lockFile() {
    return ['npm-shrinkwrap.json', 'package-lock.json'].find((file) => fs.existsSync(file));
}

// --- lock ---

function lock() {
    const wanted = readJson('package.json');
    const locked = readJson(lockFile());
    if (!locked.packages) {
        stop(`${lockFile()} is of an old form (lockfileVersion ${locked.lockfileVersion}).`);
    }
    const root = locked.packages[''] ?? {};
    for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
        const names = new Set([...Object.keys(wanted[kind] ?? {}), ...Object.keys(root[kind] ?? {})]);
        for (const name of names) {
            // npm keeps an optional dependency in one of the two tables only.
            const want = wanted[kind]?.[name], have = root[kind]?.[name];
            if (want !== have && !(kind === 'dependencies' && wanted.optionalDependencies?.[name])) {
                stop(`${lockFile()} says ${name} ${have ?? '(nothing)'}, ` +
                     `package.json says ${want ?? '(nothing)'}.`);
            }
        }
    }
}

// --- repoint ---

// A lock names the registry that its author's npm had. The tarballs have the same names in every
// other, and the lock their sums; npm itself sees to the public registry's alone.
function repoint(registry) {
    const file = lockFile();
    const locked = readJson(file);
    for (const one of Object.values(locked.packages ?? {})) {
        const tarball = /^https?:\/\/.*?\/((?:@[^/]+(?:\/|%2f))?[^/@]+\/-\/[^/?#]+\.tgz)$/i.exec(one.resolved ?? '')?.[1];
        if (tarball && one.integrity) {
            one.resolved = registry.replace(/\/*$/, '/') + tarball;
        }
    }
    fs.writeFileSync(file, JSON.stringify(locked, null, 2) + '\n');
}

// --- entry ---

function isFile(file) {
    return fs.existsSync(file) && fs.statSync(file).isFile();
}

// As Node resolves a file name that may lack its extension or name a directory.
function resolved(file) {
    return [file, `${file}.js`, `${file}.mjs`, `${file}.cjs`, path.join(file, 'index.js')].find(isFile);
}

function fromStart(script) {
    return /^\s*(?:[A-Z_]+=\S+\s+)*node\s+(?:-\S+\s+)*([^\s-]\S*)\s*$/.exec(script ?? '')?.[1];
}

function shortName(project) {
    return (project.name ?? '').replace(/^@[^/]*\//, '');
}

// Programs by name; one without a name has the project's.
function bins(project) {
    return typeof project.bin === 'string' ? { [shortName(project)]: project.bin } : project.bin ?? {};
}

function entry(state) {
    const project = readJson('package.json');
    const name = shortName(project);
    const asked = process.env.SOS_ENTRY;
    const willBuild = state !== 'built' && project.scripts?.build;
    const answer = (file) => path.normalize(resolved(file) ?? file);

    if (asked) {
        const file = bins(project)[asked] ?? asked;
        return resolved(file) || willBuild ? answer(file) : stop(`The entry point ${asked} does not exist.`);
    }
    const programs = bins(project);
    const files = new Set(Object.values(programs));
    const bin = programs[name] ?? (files.size === 1 ? [...files][0] : undefined);
    if (!bin && files.size > 1) {
        stop(`The project has several programs: ${Object.keys(programs).sort().join(' ')}.`);
    }
    const declared = [bin, project.main, fromStart(project.scripts?.['start:prod']),
        fromStart(project.scripts?.start)].filter(Boolean);
    const usual = ['server.js', 'app.js', 'index.js', 'index.mjs', 'src/server.js', 'src/main.js',
        'src/index.js', 'dist/index.js', 'dist/main.js'];
    const found = declared.find(resolved) ?? (willBuild && declared[0]) ?? usual.find(resolved);
    if (found) {
        return answer(found);
    }
    return declared.length
        ? stop(`package.json names ${declared[0]}, which does not exist.`)
        : stop('package.json names no program: neither "bin", "main" nor a start script "node FILE".');
}

// --- what is installed ---

function lockedPackages() {
    return Object.values(readJson(lockFile()).packages ?? {});
}

function addons() {
    return lockedPackages().some((item) => item.hasInstallScript) ? 'yes' : '';
}

// ncc turns a module that it cannot find into eval("require")("name"), and reports success.
function notFound(dist) {
    const names = new Set();
    for (const file of tree(dist).filter((name) => /\.[cm]?js$/.test(name))) {
        const text = fs.readFileSync(path.join(dist, file), 'utf8');
        for (const match of text.matchAll(/eval\((["'])require\1\)\((["'])([^"']+)\2\)/g)) {
            names.add(match[3]);
        }
    }
    return [...names].sort();
}

// Modules that some package says it can do without.
function optionalModules() {
    const names = new Set();
    for (const item of [...lockedPackages(), readJson('package.json')]) {
        Object.keys(item.optionalDependencies ?? {}).forEach((name) => names.add(name));
        for (const [name, meta] of Object.entries(item.peerDependenciesMeta ?? {})) {
            if (meta.optional) {
                names.add(name);
            }
        }
    }
    return names;
}

// The project's own code, without what is installed below it.
function ownText() {
    return fs.globSync('**/*.{js,mjs,cjs,ts,mts,cts,jsx,tsx}', { exclude: ['**/node_modules'] })
        .concat(Object.values(bins(readJson('package.json'))))
        .filter((file) => isFile(file) && !file.split(path.sep).includes('node_modules'))
        .map((file) => fs.readFileSync(file, 'utf8')).join('\n');
}

// Dependencies commonly try a module and go on without it, declared or not; npm has installed all
// that they demand. What the project's own code asks for has to be there.
function missingBy(dist, own) {
    const optional = optionalModules();
    const text = ownText();
    return notFound(dist).filter((name) => {
        const packageName = name.split('/').slice(0, name.startsWith('@') ? 2 : 1).join('/');
        const asked = text.includes(`'${name}'`) || text.includes(`"${name}"`);
        return own === (asked && !optional.has(packageName));
    }).join(' ');
}

const missing = (dist) => missingBy(dist, true);
const absent = (dist) => missingBy(dist, false);

// --- pack ---

function tree(directory) {
    return fs.readdirSync(directory, { recursive: true })
        .filter((name) => fs.statSync(path.join(directory, name)).isFile())
        .sort();
}

// The program that unpacks itself: once per content, beside the other versions, and then runs as if
// it had been started there.
function selfExtracting(name, files) {
    const packed = zlib.gzipSync(JSON.stringify(files), { level: 9 }).toString('base64');
    const id = crypto.createHash('sha256').update(packed).digest('hex').slice(0, 16);
    return `#!/usr/bin/env node
const load = (name) => process.getBuiltinModule(name);
const fs = load('fs'), os = load('os'), path = load('path');
const root = process.env.SOS_ROOT ||
    path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'sos');
const home = path.join(root, ${JSON.stringify(`${name}_${id}`)});
if (!fs.existsSync(home)) {
    fs.mkdirSync(root, { recursive: true, mode: 0o700 });
    const fresh = fs.mkdtempSync(home + '.');
    const files = JSON.parse(load('zlib').gunzipSync(Buffer.from(packed(), 'base64')));
    for (const [file, [mode, data]] of Object.entries(files)) {
        fs.mkdirSync(path.join(fresh, path.dirname(file)), { recursive: true });
        fs.writeFileSync(path.join(fresh, file), Buffer.from(data, 'base64'), { mode });
    }
    try {
        fs.renameSync(fresh, home);
    } catch (error) {
        fs.rmSync(fresh, { recursive: true });
        if (!fs.existsSync(home)) throw error;
    }
}
process.argv[1] = path.join(home, 'index.js');
load('module').runMain(process.argv[1]);
function packed() { return '${packed}'; }
`;
}

function pack(dist, out) {
    // Not part of the program: types, maps, and licenses, which lie beside it in other ways.
    const names = tree(dist).filter((name) =>
        !/\.d\.[cm]?ts$/.test(name) && !/\.map$/.test(name) && name !== 'licenses.txt');
    const rest = names.filter((name) => name !== 'index.js');
    const onlyType = rest.length === 1 && rest[0] === 'package.json';
    if (rest.length === 0 || onlyType) {
        // package.json says only that it is an ES module, which node sees for itself.
        const text = fs.readFileSync(path.join(dist, 'index.js'), 'utf8');
        fs.writeFileSync(out, text.startsWith('#!') ? text : `#!/usr/bin/env node\n${text}`);
        return '';
    }
    const files = {};
    for (const name of names) {
        const executable = fs.statSync(path.join(dist, name)).mode & 0o100;
        files[name] = [executable ? 0o755 : 0o644, fs.readFileSync(path.join(dist, name), 'base64')];
    }
    fs.writeFileSync(out, selfExtracting(path.basename(out, '.js'), files));
    return rest.join(' ');
}

const answers = { lock, repoint, entry, addons, missing, absent, pack };
const answer = answers[process.argv[2]](...process.argv.slice(3));
if (answer) {
    console.log(answer);
}
