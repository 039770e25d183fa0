// Does every link of the built site lead somewhere, its anchor included, and is every picture there?
//
//	check.mjs DIRECTORY BASE
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const [directory, base] = process.argv.slice(2)
const files = readdirSync(directory, { recursive: true }).filter(name => name.endsWith('.html') && name !== '404.html')
const pages = new Map(files.map(name => {
	const html = readFileSync(join(directory, name), 'utf8')
	const attributes = pattern => [...html.matchAll(pattern)].map(match => decodeURIComponent(match[1].replaceAll('&amp;', '&')))
	return [name, { ids: new Set(attributes(/\bid="([^"]*)"/g)), links: attributes(/<a\b[^>]*? href="([^"]*)"/g), images: attributes(/<img\b[^>]*? src="([^"]*)"/g) }]
}))

let links = 0
const broken = []
for (const [name, { links: hrefs, images }] of pages)
	for (const target of [...hrefs, ...images]) {
		const url = new URL(target, 'http://site' + base + name)
		if (url.origin !== 'http://site')
			continue
		links++
		let path = url.pathname.startsWith(base) ? url.pathname.slice(base.length) : '..'
		if (path === '' || path.endsWith('/'))
			path += 'index.html'
		const anchor = decodeURIComponent(url.hash.slice(1))
		if (pages.has(path) ? anchor && !pages.get(path).ids.has(anchor) : !existsSync(join(directory, path)))
			broken.push(`${name}: ${target}`)
	}
for (const line of broken)
	console.log('broken link in ' + line)
console.log(`${pages.size} pages, ${links} links, ${broken.length} broken`)
process.exit(broken.length || !links ? 1 : 0)
