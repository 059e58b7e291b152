import { describe, expect, it } from 'vitest';

import { minuteOf, nothingWrong, troublesOf } from '@/rules/troubles';

describe('troubles of a planned day', () => {
  it('asks for nothing while nothing goes wrong', () => {
    expect(troublesOf(nothingWrong())).toBeNull();
  });

  it('reads clock times, and an end before its start as the next day', () => {
    expect([minuteOf('00:00'), minuteOf('23:59'), minuteOf('24:00'), minuteOf('')]).toEqual([0, 1439, null, null]);
    const form = nothingWrong();
    form.vehicle = { name: '宁A-1', from: '22:00', to: '02:00' };
    expect(troublesOf(form)?.vehicle).toEqual({ name: '宁A-1', start: 1320, end: 1560 });
  });

  it('says everything that was chosen and no more', () => {
    const form = nothingWrong();
    form.absent = 15;
    form.patience = 45;
    form.infected = 10;
    form.slower.on = true;
    form.still.sites = ['A001', 'A002'];
    form.few = { site: 'A003', tubes: 20, until: '14:00' };
    expect(troublesOf(form)).toEqual({
      absent: 15, turnout: 100, patience: 45, infected: 10, slower: { start: 600, end: 660, percent: 200 },
      still: { start: 600, end: 640, sites: ['A001', 'A002'] }, few: { site: 'A003', tubes: 20, until: 840 },
    });
  });

  it('is enough when people lose patience, or more are infected', () => {
    expect(troublesOf({ ...nothingWrong(), patience: 30 })).toEqual({ absent: 0, turnout: 100, patience: 30 });
    expect(troublesOf({ ...nothingWrong(), infected: 2 })).toEqual({ absent: 0, turnout: 100, infected: 2 });
  });

  it('reads an emptied field as planned', () => {
    expect(troublesOf({ ...nothingWrong(), absent: null, turnout: null, infected: null })).toBeNull();
    expect(troublesOf({ ...nothingWrong(), absent: 15, turnout: null })).toEqual({ absent: 15, turnout: 100 });
    expect(troublesOf({ ...nothingWrong(), slower: { on: true, from: '10:00', to: '11:00', percent: null } })).toBeNull();
  });

  it('waits while something is half said', () => {
    const form = nothingWrong();
    form.few = { site: 'A003', tubes: null, until: '14:00' };
    expect(troublesOf(form)).toBeNull();
    form.few = { site: '', tubes: null, until: '' };
    form.laboratory = { name: '县医院', from: '', to: '16:00' };
    expect(troublesOf(form)).toBeNull();
  });
});
