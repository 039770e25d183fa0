// Copies what becomes the site into DIRECTORY: the pages that docs/README.md names, and what these link to.
//
//	stage.mjs DIRECTORY
//
// On a forge the files are read as they are. Here README.md is the index of its directory, a manual is made HTML by mandoc,
// and any other text file that a page links to becomes a page with its source.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, extname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const top = dirname(dirname(fileURLToPath(import.meta.url)))
const out = process.argv[2]
const images = ['.png', '.svg']
const staged = new Set()
const queue = []

/** the page that a file becomes */
const page = path => extname(path) === '.md' ? path.replace(/(^|\/)README\.md$/, '$1index.md') : path + '.md'

function put(path, text) {
	mkdirSync(dirname(join(out, path)), { recursive: true })
	writeFileSync(join(out, path), text)
}

/** stages what a page links to, and returns where that is; what is not a file of ours stays */
function follow(from, target) {
	const [path, hash] = target.split('#')
	if (!path || /^[a-z]+:/.test(path))
		return target
	const file = normalize(join(dirname(from), path))
	if (!existsSync(join(top, file)) || statSync(join(top, file)).isDirectory())
		throw new Error(`${from} links to ${target}, which is no file`)
	if (!staged.has(file)) {
		staged.add(file)
		queue.push(file)
	}
	if (images.includes(extname(file)))
		return target.startsWith('.') ? target : './' + target
	return (relative(dirname(from), page(file)) || '.') + (hash ? '#' + hash : '')
}

/** what is not in code, changed */
function outsideCode(text, change) {
	return text.split(/(^```[^]*?^```|^(?: {4}|\t).*\n)/m).map((part, i) => i % 2 ? part
		: part.split(/(`[^`\n]*`)/).map((piece, j) => j % 2 ? piece : change(piece)).join('')).join('')
}

function markdown(file) {
	let text = readFileSync(join(top, file), 'utf8')
	// a picture for each theme: here the reader may choose, not only his system
	text = text.replace(/<picture>\s*<source media="\(prefers-color-scheme: dark\)" srcset="(.*?)">\s*<img (.*?)src="(.*?)">\s*<\/picture>/s,
		'<img class="only-dark" $2src="$1"><img class="only-light" $2src="$3">')
	text = outsideCode(text, part => part
		.replace(/(\]\()([^)\s]+)(\))/g, (_, a, target, b) => a + follow(file, target) + b)
		.replace(/((?:src|href)=")([^"]+)(")/g, (_, a, target, b) => a + follow(file, target).replace(/\.md(#|$)/, '.html$1') + b))
	// links whose text holds code: [`x`](y)
	text = text.replace(/(`\]\()([^)\s]+)(\))/g, (_, a, target, b) => a + follow(file, target) + b)
	put(page(file), text)
}

function manual(file) {
	const html = execFileSync('mandoc', ['-T', 'html', '-O', 'fragment,man=%N.%S.html', join(top, file)], { encoding: 'utf8' })
		.replace(/<table class="(head|foot)">[^]*?<\/table>/g, '').replace(/<(\/?)h1/g, '<$1h2')
		// manuals that are not ours are not there
		.replace(/<a class="Xr" href="(.*?)\.html">(.*?)<\/a>/g, (link, name, text) => existsSync(join(top, 'man', name)) ? link : text)
		.replace(/<a class="Lk" href="https?:[^"]*">(.*?)<\/a>/g, '$1')
	const name = file.replace(/^man\/(.*)\.(\d)$/, '$1($2)')
	put(page(file), `---\noutline: 2\n---\n# ${name}\n\n<div v-pre class="manual">\n${html.replace(/\n\s*\n/g, '\n')}\n</div>\n`)
}

function source(file) {
	const text = readFileSync(join(top, file), 'utf8')
	const language = { '.sh': 'sh', '.py': 'python', '.mjs': 'js', '.java': 'java', '.sql': 'sql', '.c': 'c', '.h': 'c' }[extname(file)] || 'text'
	put(page(file), `---\nsearch: false\noutline: false\n---\n# ${file}\n\n\`\`\`\`${language}\n${text}\n\`\`\`\`\n`)
}

rmSync(out, { recursive: true, force: true })
follow('README.md', 'README.md')
follow('README.md', 'docs/README.md')
for (let file; (file = queue.shift());) {
	if (images.includes(extname(file)))
		cpSync(join(top, file), join(out, file))
	else if (extname(file) === '.md')
		markdown(file)
	else if (/^man\/.*\.\d$/.test(file))
		manual(file)
	else
		source(file)
}
mkdirSync(join(out, 'public'), { recursive: true })
cpSync(join(top, 'src/mx/web/favicon.svg'), join(out, 'public/favicon.svg'))
