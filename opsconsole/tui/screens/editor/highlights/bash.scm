; Shell, for tree-sitter-bash 0.25. Capture names are those of painting.LAYERS.
[(string) (raw_string) (ansi_c_string) (heredoc_body) (heredoc_start) (heredoc_end)] @string
(comment) @comment
(command_name) @function
(function_definition name: (word) @function)
((command argument: (word) @option) (#match? @option "^-"))
[(variable_name) (special_variable_name)] @variable
(simple_expansion "$" @variable)
(expansion ["${" "}"] @variable)
(number) @number
(file_descriptor) @number
[
  "case" "do" "done" "elif" "else" "esac" "fi" "for" "function" "if" "in" "select" "then" "until" "while"
  "declare" "export" "local" "readonly" "typeset" "unset" "unsetenv"
] @keyword
["&&" "||" "|" "|&" ">" ">>" "<" "<<" "<<<" ">&" "<&" "&>" "&>>" ">|" "[[" "]]" "[" "]" ";;" "$(" "$((" "<(" ">("] @operator
