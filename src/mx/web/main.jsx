/*
 * main.jsx: starts the console.
 */
import { render } from 'preact';
import { App } from './app.jsx';
import { startRouter } from './lib/router.js';

startRouter();
render(<App />, document.getElementById('app'));
