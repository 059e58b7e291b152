import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router';

import { currentSession } from '@/api/session';
import { HOME } from '@/rules/return-path';

/** `/console` is this application; `/station` and `/my` are the station's and the resident's own. */
const routes: RouteRecordRaw[] = [
  { path: '/', redirect: HOME },
  { path: '/console', redirect: HOME },
  { path: '/sign-in', name: 'sign-in', component: () => import('@/rooms/session/SignInPage.vue'), meta: { open: true } },
  { path: '/console/rounds', name: 'rounds', component: () => import('@/rooms/rounds/RoundsPage.vue') },
  {
    path: '/console/rounds/:roundId',
    name: 'round',
    component: () => import('@/rooms/rounds/OverviewPage.vue'),
    props: true,
  },
  {
    path: '/console/rounds/:roundId/due',
    name: 'due',
    component: () => import('@/rooms/rounds/DuePage.vue'),
    props: true,
  },
  {
    path: '/console/rounds/:roundId/sites',
    name: 'sites',
    component: () => import('@/rooms/rounds/SitesPage.vue'),
    props: true,
  },
  {
    path: '/console/rounds/:roundId/plan',
    name: 'plan',
    component: () => import('@/rooms/rounds/PlanPage.vue'),
    props: true,
  },
  {
    path: '/console/rounds/:roundId/plans/:planId/sheets/:site',
    name: 'plan-sheet',
    component: () => import('@/rooms/rounds/PlanSheetPage.vue'),
    props: true,
  },
  {
    path: '/console/rounds/:roundId/rehearsal',
    name: 'rehearsal',
    component: () => import('@/rooms/rounds/RehearsalPage.vue'),
    props: true,
  },
  {
    path: '/console/rounds/:roundId/choices',
    name: 'choices',
    component: () => import('@/rooms/rounds/ChoicesPage.vue'),
    props: true,
  },
  {
    path: '/console/rounds/:roundId/matching',
    name: 'matching',
    component: () => import('@/rooms/rounds/MatchingPage.vue'),
    props: true,
  },
  {
    path: '/console/rounds/:roundId/devices',
    name: 'devices',
    component: () => import('@/rooms/rounds/DevicesPage.vue'),
    props: true,
  },
  {
    path: '/console/rounds/:roundId/codes',
    name: 'codes',
    component: () => import('@/rooms/rounds/CodesPage.vue'),
    props: true,
  },
  {
    path: '/console/rounds/:roundId/books',
    name: 'books',
    component: () => import('@/rooms/rounds/BooksPage.vue'),
    props: true,
  },
  {
    path: '/console/rounds/:roundId/figures/:figureKey',
    name: 'figure',
    component: () => import('@/rooms/rounds/FigurePage.vue'),
    props: true,
  },
  { path: '/console/persons', name: 'persons', component: () => import('@/rooms/persons/SearchPage.vue') },
  {
    path: '/console/persons/:personId',
    name: 'person',
    component: () => import('@/rooms/persons/ChainPage.vue'),
    props: true,
  },
  { path: '/console/matters', name: 'matters', component: () => import('@/rooms/matters/MattersPage.vue') },
  {
    path: '/console/matters/:matterKey',
    name: 'matter',
    component: () => import('@/rooms/matters/MatterPage.vue'),
    props: true,
  },
  { path: '/console/places', name: 'places', component: () => import('@/rooms/places/PlacesPage.vue') },
  { path: '/console/revocations', name: 'revocations', component: () => import('@/rooms/revocations/RevocationsPage.vue') },
  { path: '/console/status', name: 'status', component: () => import('@/rooms/status/StatusPage.vue') },
  { path: '/console/presets', name: 'presets', component: () => import('@/rooms/presets/ComparePage.vue') },
  { path: '/:rest(.*)*', name: 'missing', component: () => import('@/rooms/session/MissingPage.vue') },
];

export const router = createRouter({
  history: createWebHistory('/'),
  routes,
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
});

router.beforeEach(async (to) => {
  if (to.meta['open'] === true) return true;
  const session = await currentSession();
  return session === null ? { name: 'sign-in', query: { next: to.fullPath } } : true;
});
