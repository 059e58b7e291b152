/** How many people an institution sends at least and at most; what is not given is not limited. */
export type Quota = Readonly<{ least?: number; most?: number }>;

export const contradicts = (quota: Quota): boolean => quota.most !== undefined && quota.most < (quota.least ?? 0);
