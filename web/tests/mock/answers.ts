/** A town's afternoon, made up: answers for looking at the screens without a server. Never part of the build. */

import type { Chain, Clock, Coverage, FigureRows, Overview, PersonDetail, PersonFound, PresetHead, PresetLine, Round, Session, Site } from '@/api/shapes';

const asOf = '2022-03-15T14:26:00+08:00';
const uuid = (n: number): string => `01900000-0000-7000-8000-${String(n).padStart(12, '0')}`;

export const page = <T>(items: T[]): { items: T[]; next: null; as_of: string } => ({ items, next: null, as_of: asOf });

export const session: Session = {
  id: uuid(1),
  name: '王秀兰',
  language: 'zh-hans',
  roles: [{ role: 'round_planner', area: '231102104' }],
  areas: ['231102104'],
  permissions: ['see_round', 'see_persons', 'export', 'report'],
  csrf: 'mock',
};

export const nobody: Session = { ...session, id: null, name: '', roles: [], areas: [], permissions: [] };

export const round: Round = {
  id: uuid(10),
  campaign_id: uuid(9),
  campaign: '2022年3月全员核酸检测',
  no: 1,
  name: '第一轮全员核酸检测',
  area: { code: '231183104', name: '伊拉哈镇' },
  preset: { code: 'yilaha', name: '伊拉哈镇全员核酸检测做法', version: 1 },
  state: 'sampling',
  window_start: '2022-03-15T07:00:00+08:00',
  window_end: '2022-03-15T15:00:00+08:00',
  approved_at: '2022-03-14T19:00:00+08:00',
  frozen_at: '2022-03-14T20:12:00+08:00',
  activated_at: '2022-03-15T06:00:00+08:00',
  closed_at: null,
  ended_reason: '',
  due_total: 7409,
  area_classes: {},
  within: [],
};

const villages = ['伊拉哈社区', '永发村', '新民村', '东风村', '兴隆村', '红星村', '胜利村', '前进村', '幸福村', '向阳村', '团结村', '长安村'];
const coverage: Coverage[] = villages.map((name, at) => {
  const due = 420 + ((at * 137) % 390);
  const sampled = at === 3 ? due - 4 : Math.floor(due * (0.52 + ((at * 17) % 44) / 100));
  return { area: `2311831042${String(at).padStart(2, '0')}`, name, town: '伊拉哈镇', waiting: due - sampled - (at % 3), added: at === 2 ? 1 : 0, due, sampled, resulted: at % 4 === 0 ? Math.floor(sampled / 3) : 0, excused: at % 3, missed: at === 5 ? 3 : 0 };
});

const clock = (n: number, code: string, label: string, role: string, start: string, due: string, more: Partial<Clock> = {}): Clock => ({
  id: uuid(100 + n),
  code,
  subject_kind: 'box',
  subject_label: label,
  area: '231183104',
  owner_role: role,
  owner_name: n % 2 === 0 ? '李建国' : '',
  origin: 'S4/YN R59',
  started_at: `2022-03-15T${start}:00+08:00`,
  due_at: `2022-03-15T${due}:00+08:00`,
  stopped_at: null,
  breached_at: null,
  escalated_at: null,
  state: 'running',
  ...more,
});

const clocks: Clock[] = [
  clock(0, 'pick_up', '永发村采样点 · 箱 2311831040701', 'courier', '12:10', '14:10', { breached_at: '2022-03-15T14:10:00+08:00', state: 'breached' }),
  clock(1, 'deliver', '箱 2311831040203', 'courier', '11:00', '15:00'),
  clock(2, 'result_other', '箱 2311831040101', 'laboratory_reviewer', '09:40', '21:40'),
  clock(3, 'pool_isolation', '管 YL220315-0416', 'village_worker', '14:08', '14:38'),
];

const figure = (key: string, label: string, value: number): Overview['figures'][number] => ({
  key, label, group: 'people', kind: 'number', value, parts: {},
});

export const clockList = clocks;

export const overview: Overview = {
  as_of: asOf,
  round: { ...round, area: '231183104', area_name: '伊拉哈镇', preset: 'yilaha', preset_version: 1 },
  figures: [
    figure('due_people', '应检人员', 7409),
    figure('people_sampled', '已采样人数', 5236),
    figure('people_resulted', '已出结果人数', 1180),
    figure('people_waiting', '尚未采样人数', 2161),
    figure('people_missed', '漏检人数', 3),
    figure('positives', '阳性感染者', 0),
  ],
  coverage,
  tubes: { open: 14, sealed: 61, boxed: 118, in_transit: 96, received: 104, testing: 24, released: 118, broken: 1 },
  clocks: [{ code: 'pick_up', label: '样本收取', running: 61, late: 1, met: 20, breached: 2 }],
  discrepancies: [
    { kind: 'rack_count', subject_label: '新民村采样点 02 台', expected: 41, actual: 40, owner_role: 'site_lead', opened_at: '2022-03-15T12:04:00+08:00' },
  ],
  pools: [
    { id: uuid(400), tube: 'YL220315-0416', area: '231183104203', outcome: 'grey', state: 'isolating', flagged_at: '2022-03-15T14:08:00+08:00' },
  ],
};

export const sites: Site[] = villages.slice(0, 12).map((name, at) => ({
  id: uuid(500 + at),
  code: `231183104${String(200 + at)}001`,
  name: `${name}采样点`,
  area: `2311831042${String(at).padStart(2, '0')}`,
  kind: 'fixed',
  state: at === 4 ? 'paused' : at === 9 ? 'closed' : 'open',
  people_planned: coverage[at]?.due ?? 0,
  due: coverage[at]?.due ?? 0,
  address: '',
  lon: null,
  lat: null,
  lead: '',
  opens_at: null,
  closes_at: null,
  ready_at: null,
  opened_at: null,
  closed_at: null,
  open_tubes: 1,
  flagged: 0,
  last_swab_at: null,
  stations: [],
  sampled: coverage[at]?.sampled ?? 0,
  tubes: Math.ceil((coverage[at]?.sampled ?? 0) / 10),
}));

const step = (kind: string, at: string, where: string, who: string, facts: Chain['steps'][number]['facts'] = {}, flags: string[] = []): Chain['steps'][number] => ({
  kind, at, where, who, facts, flags, round: '第一轮',
});

export const chain: Chain = {
  person_id: uuid(600),
  as_of: asOf,
  steps: [
    step('due', '2022-03-14T20:12:00+08:00', '永发村', ''),
    step('sampled', '2022-03-15T08:41:00+08:00', '永发村采样点 01 台', '采样员 刘洋', { tube: 'YL220315-0087', position: 4 }, ['single_only_in_pool']),
    step('sealed', '2022-03-15T08:47:00+08:00', '永发村采样点 01 台', '采样员 刘洋', { people: 10 }),
    step('boxed', '2022-03-15T09:20:00+08:00', '永发村采样点', '登记员 陈静', { box: '2311831040101' }),
    step('handed_over', '2022-03-15T09:38:00+08:00', '永发村采样点', '点长 赵敏 → 转运员 李建国', { tubes: 31 }),
    step('received', '2022-03-15T10:26:00+08:00', '市人民医院检验科', '收样 孙丽', { tubes: 31 }),
    step('tested', '2022-03-15T12:10:00+08:00', '市人民医院检验科', '', {}),
    step('released', '2022-03-15T14:02:00+08:00', '市人民医院检验科', '审核 周伟', { outcome: 'negative' }),
  ],
  clocks: [
    clock(10, 'deliver', '', 'courier', '08:47', '12:47', { stopped_at: '2022-03-15T10:26:00+08:00', state: 'met' }),
    clock(11, 'result_other', '', 'laboratory_reviewer', '10:26', '22:26', { stopped_at: '2022-03-15T14:02:00+08:00', state: 'met' }),
  ],
};

export const figureRows: FigureRows = {
  label: '漏检人数', as_of: asOf, next: null,
  items: [601, 602, 603].map((n) => ({
    person_id: uuid(n), area: '231183104205', category: 'general', mode: 'pool', home: false, state: 'missed', reason: '外出未归', owner: '红星村网格员', sampled_at: null, resulted_at: null, outcome: null, added: false,
  })),
};

const found = (n: number, name: string, phone: string, categories: string[]): PersonFound => ({
  id: uuid(n), area: '231183104201', name, sex: 'M', birth_year: 1956, id_type: 'resident_id', id_number: '**************003X', phone, categories, source: 'roster',
});

export const persons = [found(600, '张*国', '*******0417', ['home_monitoring']), found(601, '张*', '*******8836', [])];

export const detail: PersonDetail = {
  person: found(600, '张*国', '*******0417', ['home_monitoring']),
  area_name: '永发村', address: '永发村3组17号', registered_area: '231183104201', registered_address: '', guardian: '',
  household: null, history: [],
};

const preset = (code: string, name: string): PresetHead => ({
  code, name, version: 1, issuer: '', document_no: null, kind: 'screening', effective_from: '2022-01-01', effective_to: null, source: '', remarks: null, open_from: '07:00', open_to: '19:00',
});

export const presets = [preset('yilaha', '伊拉哈镇全员核酸检测做法'), preset('yongning', '永宁县全域核酸检测工作实施方案')];

const line = (key: string, group: string, label: string, a: string, b: string, note = ''): PresetLine => ({
  key, group: key.split('.')[0] ?? '', group_label: group, label, differs: true, a, b, origin_a: 'S4/YL', origin_b: b === '' ? '' : 'S4/YN R15', note_a: note, note_b: '',
});

export const difference = page([
  line('sites.people_per_site', '采样点与通道', '每个采样点人数', '500人', '2,000–3,000人'),
  line('sites.temperature', '采样点与通道', '入口测温', '查', '不查', '报告没有写。'),
  line('pools.sizes', '混采', '混采比例', '10:1', ''),
]);


export const balances = {
  as_of: asOf,
  items: [
    { law: 'samples_register', left: 'samples', left_label: '采集样本数', left_value: 5236, right: 'register_rows', right_label: '登记表行数', right_value: 5236, holds: true },
    { law: 'stated', left: 'staff', left_label: '参与人员', left_value: 227, right: '工作汇报', right_label: '工作汇报', right_value: 228, holds: false },
  ],
};
