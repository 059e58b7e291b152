"""Yingjian 应检: everyone who should be tested is tested."""
