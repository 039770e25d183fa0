// The navigation is docs/README.md: a heading is a group, a line a page.
import { readFileSync } from 'node:fs'

/** reads the staged index; a link is that of its page */
export function navigation(file) {
	const groups = []
	for (const line of readFileSync(file, 'utf8').split('\n')) {
		const heading = line.match(/^## (.*)$/)
		const entry = line.match(/^- \[(.*?)\]\((.*?)\.md\)/)
		if (heading)
			groups.push({ text: heading[1], collapsed: false, items: [] })
		else if (entry)
			groups.at(-1).items.push({ text: entry[1], link: new URL(entry[2], 'http://site/docs/').pathname.replace(/(^|\/)index$/, '$1') })
	}
	return groups
}
