// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { useLanguage } from '@/i18n';
import OverviewPage from '@/rooms/rounds/OverviewPage.vue';

import * as made from '../mock/answers';
import { serve, stage } from './stage';

const ROUND = made.round.id;
const OVERVIEW = `/api/rounds/${ROUND}/overview`;
const clocks = { body: made.page(made.clockList) };

beforeEach(() => {
  useLanguage('zh-CN', { remember: false });
  vi.useFakeTimers({ now: Date.parse('2031-01-01T00:00:00Z'), toFake: ['Date'] }); // a visitor whose clock is years off
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the overview of a round', () => {
  it('says as of when, and links each headline figure to its records', async () => {
    serve({ [OVERVIEW]: { body: made.overview }, '/api/clocks': clocks });
    const page = await stage(OverviewPage, { roundId: ROUND });
    expect(page.get('[data-testid=as-of]').text()).toContain('14:26');
    const links = page.findAll('a.figure').map((link) => link.attributes('href'));
    expect(links).toContain(`/console/rounds/${ROUND}/figures/people_missed`);
    expect(links).toHaveLength(6);
    expect(page.text()).toContain('7,409');
  });

  it('counts down by the server’s clock, not the visitor’s', async () => {
    serve({ [OVERVIEW]: { body: made.overview }, '/api/clocks': clocks });
    const page = await stage(OverviewPage, { roundId: ROUND });
    expect(page.text()).toContain('已超 16 分');
    expect(page.text()).toContain('还剩 34 分 0 秒');
  });

  it('sorts villages so that those furthest behind come first', async () => {
    serve({ [OVERVIEW]: { body: made.overview }, '/api/clocks': clocks });
    const page = await stage(OverviewPage, { roundId: ROUND });
    const table = page.get(`table[aria-label="各村（社区）进度"]`);
    const shares = table.findAll('tbody tr td:last-child').map((cell) => parseFloat(cell.text()));
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.length).toBe(made.overview.coverage.length);
  });

  it('speaks English whole when asked to', async () => {
    useLanguage('en', { remember: false });
    serve({ [OVERVIEW]: { body: { ...made.overview, coverage: [], discrepancies: [], pools: [], figures: [] } }, '/api/clocks': { body: made.page([]) } });
    const page = await stage(OverviewPage, { roundId: ROUND });
    expect(page.text().replaceAll(made.round.name, '').replaceAll(made.round.campaign, '').replaceAll('伊拉哈镇', '')).not.toMatch(/\p{Script=Han}/u);
  });

  it('says calmly that nothing is there yet', async () => {
    const empty = { ...made.overview, tubes: {}, coverage: [], discrepancies: [], pools: [], clocks: [], figures: [] };
    serve({ [OVERVIEW]: { body: empty }, '/api/clocks': { body: made.page([]) } });
    const page = await stage(OverviewPage, { roundId: ROUND });
    for (const sentence of ['还没有开管', '没有异常混管', '各交接环节数量一致', '还没有应检名单', '现在没有进行中的时限']) {
      expect(page.text()).toContain(sentence);
    }
    expect(page.find('[role=alert]').exists()).toBe(false);
  });

  it('shows the server’s sentence, its advice and its code when refused', async () => {
    const body = { code: 'oversight.round_unknown', says: '没有这一轮。', do: '请从列表重新选择。', params: {} };
    serve({ [OVERVIEW]: { status: 404, body } });
    const page = await stage(OverviewPage, { roundId: ROUND });
    const alert = page.get('[role=alert]').text();
    for (const part of [body.says, body.do, body.code]) expect(alert).toContain(part);
  });

  it('says what to do when the server does not answer, and tries again when told', async () => {
    const asked = serve({ [OVERVIEW]: 'no network' });
    const page = await stage(OverviewPage, { roundId: ROUND });
    expect(page.get('[role=alert]').text()).toContain('web.no_answer');
    const before = asked.filter((line) => line.endsWith('/overview')).length;
    await page.get('[role=alert] button').trigger('click');
    expect(asked.filter((line) => line.endsWith('/overview')).length).toBe(before + 1);
  });
});
