import { describe, expect, it } from 'vitest';

import { housesOf, type Door } from '@/rules/doors';

const door = (key: string, address: string, more: Partial<Door> = {}): Door => ({ key, name: '王*兰', address, area: '990000101201', single: false, done: false, ...more });

describe('the walk of a home-visit team', () => {
  it('goes by village and by house number, not by the letters of it', () => {
    const doors = [door('a', '幸福巷10号'), door('b', '幸福巷2号'), door('c', '安民巷1号'), door('d', '安民巷1号', { area: '990000101202' })];
    expect(housesOf(doors, () => false).map((house) => [house.area.slice(-1), house.way + house.address])).toEqual([
      ['1', '安民巷1号'], ['1', '幸福巷2号'], ['1', '幸福巷10号'], ['2', '安民巷1号'],
    ]);
  });

  it('keeps a house together and ticks off who was swabbed here or elsewhere', () => {
    const doors = [door('a', '1号'), door('b', '1号', { done: true }), door('c', '1号')];
    const [house, ...more] = housesOf(doors, (key) => key === 'c');
    expect(more).toEqual([]);
    expect([house?.left, house?.people.map((one) => one.done)]).toEqual([1, [false, true, true]]);
  });

  it('says once what all addresses of a village begin with, and cuts no number', () => {
    const doors = [door('a', '金桂小区1号楼503室'), door('b', '金桂小区12号楼604室'), door('c', '', { area: '990000101202' })];
    expect(housesOf(doors, () => false).map((house) => [house.way, house.address])).toEqual([['金桂小区', '1号楼503室'], ['金桂小区', '12号楼604室'], ['', '']]);
    expect(housesOf([door('a', '金桂小区1号')], () => false)[0]).toMatchObject({ way: '', address: '金桂小区1号' });
    const same = [door('a', '1号楼一室'), door('b', '1号楼二室')];
    expect(housesOf(same, () => false).map((house) => house.address)).toEqual(['二室', '一室']);
  });
});
