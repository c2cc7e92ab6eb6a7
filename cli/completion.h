// SPDX-License-Identifier: Apache-2.0
// Completion for three shells, made from words.h: commands, the options that the command knows, their values, files,
// and names of hosts. Each function writes a script to standard output.
#pragma once

void completion_write_bash(void);
void completion_write_zsh(void);
void completion_write_fish(void);
