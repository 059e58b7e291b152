-- One transaction of the rival: the rows one request leaves, with the same constraints, by plain SQL.
-- Variables: tubes (per transaction), people (per tube), clocks (per tube), round, site, station, area.
SELECT nextval('bench_turn') * :tubes AS first \gset
BEGIN;
SELECT set_config('yingjian.areas', '*', true);
SELECT d.id FROM campaigns_dueperson d JOIN bench_due b ON b.due_id = d.id
 WHERE b.n >= :first * :people AND b.n < (:first + :tubes) * :people ORDER BY d.id FOR UPDATE OF d;
INSERT INTO sampling_tube (id, code, binding, round_id, site_id, station_id, area, purpose, mode, capacity, people, key,
                           state, opened_at, first_swab_at, locked_at, sealed_at, count_stated, ended_reason, flags)
SELECT md5('tube' || n)::uuid, 'BENCH' || n, 1, :round::uuid, :site::uuid, :station::uuid, :area, 'screening', 'pool',
       :people, :people, false, 'sealed', now(), now(), now(), now(), :people, '', '[]'
  FROM generate_series(:first, :first + :tubes - 1) n;
INSERT INTO sampling_swab (id, tube_id, position, round_id, person_id, due_id, station_id, area, person_area, entry, taken_at,
                           received_at, stub_no, flags, void_reason, move_reason)
SELECT md5('swab' || b.n)::uuid, md5('tube' || b.n / :people)::uuid, b.n % :people, :round::uuid, b.person_id, b.due_id,
       :station::uuid, :area, b.area, 'code', now(), now(), '', '[]', '', ''
  FROM bench_due b WHERE b.n >= :first * :people AND b.n < (:first + :tubes) * :people;
UPDATE campaigns_dueperson d SET state = 'sampled', sampled_at = now() FROM bench_due b
 WHERE b.due_id = d.id AND b.n >= :first * :people AND b.n < (:first + :tubes) * :people;
INSERT INTO access_clock (id, code, subject_kind, subject_id, subject_label, round_id, area, origin, owner_role, owner_name,
                          escalates_to, started_at, due_at)
SELECT md5('clock' || n || ':' || c)::uuid, 'bench_' || c, 'tube', md5('tube' || n)::uuid, 'BENCH' || n, :round::uuid, :area,
       'benchmark', 'courier', '', '', now(), now() + interval '12 hours'
  FROM generate_series(:first, :first + :tubes - 1) n, generate_series(1, :clocks) c;
INSERT INTO access_journal (command_id, kind, actor_kind, actor_id, area, captured_at, skew_ms, received_at, payload, fingerprint,
                            verdict, answer)
SELECT md5('command' || n)::uuid, 'tube.record', 'device', md5('device')::uuid, :area, now(), 0, now(),
       (SELECT payload FROM bench_payload), '\x00', 'applied', '{}'
  FROM generate_series(:first, :first + :tubes - 1) n;
COMMIT;
