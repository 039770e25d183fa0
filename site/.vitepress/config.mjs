// The site of the documentation: scripts/docs stages the pages, and runs this.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { slug } from 'github-slugger'
import { defineConfig } from 'vitepress'
import { navigation } from '../navigation.mjs'

const top = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const pages = join(top, 'site', 'pages')
const version = JSON.parse(readFileSync(join(top, 'META.json'), 'utf8')).version
const base = process.env.DOCS_BASE || '/'

export default defineConfig({
	title: 'Synergy',
	description: 'A timetable scheduler inside PostgreSQL',
	lang: 'en',
	base,
	srcDir: pages,
	outDir: join(top, 'build', 'site'),
	cacheDir: join(top, 'build', 'site-cache'),
	head: [['link', { rel: 'icon', type: 'image/svg+xml', href: base + 'favicon.svg' }]],
	// anchors as on a forge, so that the same links work on both
	markdown: {
		anchor: { slugify: slug },
		// the plain ones are too pale on our background for the rules of axe-core
		theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
		languageAlias: { console: 'shellsession' },
		// indented code looks as fenced code does
		config: md => md.core.ruler.push('indented', state => state.tokens.forEach(token => {
			if (token.type === 'code_block')
				Object.assign(token, { type: 'fence', tag: 'code', info: 'text', content: token.content })
		})),
	},
	themeConfig: {
		logo: '/favicon.svg',
		nav: [
			{ text: 'Tutorial', link: '/docs/tutorial' },
			{ text: 'Concepts', link: '/docs/concepts' },
			{ text: 'SQL', link: '/docs/reference/sql' },
			{ text: 'Settings', link: '/docs/reference/settings' },
			{ text: version, link: '/CHANGELOG' },
		],
		sidebar: navigation(join(pages, 'docs', 'index.md')),
		outline: { level: [2, 3] },
		search: { provider: 'local' },
		externalLinkIcon: true,
	},
})
