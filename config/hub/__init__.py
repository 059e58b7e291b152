"""`yingjian hub`: keeps phones' sealed requests at a site without a line and hands them up when there is one."""
