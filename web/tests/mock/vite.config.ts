/** The screens before made-up answers: `npx vite --config tests/mock/vite.config.ts`. Not used by any build. */
import type { IncomingMessage } from 'node:http';

import { mergeConfig, type Plugin } from 'vite';

import base from '../../vite.config';
import * as made from './answers';

function answerOf(path: string, signedIn: boolean): unknown {
  if (path === '/api/session') return signedIn ? made.session : made.nobody;
  if (path === '/api/rounds') return made.page([made.round]);
  if (path === '/api/clocks') return made.page(made.clockList);
  if (path.endsWith('/overview')) return made.overview;
  if (path.endsWith('/reconciliation')) return made.balances;
  if (path.endsWith('/sites')) return made.page(made.sites);
  if (path.endsWith('/rows')) return made.figureRows;
  if (path.endsWith('/chain')) return made.chain;
  if (path === '/api/persons') return made.page(made.persons);
  if (path.startsWith('/api/persons/')) return made.detail;
  if (path === '/api/presets') return made.page(made.presets);
  if (path === '/api/presets/diff') return made.difference;
  return null;
}

function mock(): Plugin {
  let signedIn = false;
  const sign = (request: IncomingMessage): void => {
    if (request.url !== '/api/session') return;
    if (request.method === 'POST') signedIn = true;
    if (request.method === 'DELETE') signedIn = false;
  };
  return {
    name: 'made-up-answers',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const path = (request.url ?? '').split('?')[0] ?? '';
        if (!path.startsWith('/api/')) {
          next();
          return;
        }
        sign(request);
        const answer = answerOf(path, signedIn);
        response.statusCode = answer === null ? 404 : 200;
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify(answer ?? { code: 'mock.unknown', says: path, do: '' }));
      });
    },
  };
}

export default mergeConfig(base, { root: process.cwd(), plugins: [mock()], server: { port: 5199, proxy: {} } });
