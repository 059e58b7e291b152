import { sentencesOf } from '@/phone/sentences';

import en from './locales/en.json';
import zh from './locales/zh-CN.json';

/** A resident's sentences: Chinese is the reference, English has every one of them. */
export type Word = keyof typeof zh;

export const { language, say, useLanguage } = sentencesOf<Word>(zh, en, 'yingjian.my.language');
