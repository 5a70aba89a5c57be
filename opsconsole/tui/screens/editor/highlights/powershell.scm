; PowerShell, for tree-sitter-powershell 0.26.4. Capture names are those of painting.LAYERS.
[
  (expandable_string_literal) (expandable_here_string_literal) (verbatim_string_characters)
  (verbatim_here_string_characters)
] @string
(comment) @comment
(command_name) @function
(path_command_name) @function
(function_name) @function
(class_method_definition (simple_name) @function)
(invokation_expression (member_name) @function)
(invokation_foreach_expression) @function
(command_parameter) @option
(generic_token) @plain
[(variable) (braced_variable)] @variable
(type_literal) @type
(class_statement (simple_name) @type)
(enum_statement (simple_name) @type)
(hash_entry (key_expression) @option)
[(decimal_integer_literal) (hexadecimal_integer_literal) (real_literal)] @number
[(comparison_operator) (assignement_operator) (file_redirection_operator) (merging_redirection_operator)
 (command_invokation_operator) (format_operator)] @operator
["|" "&&" "||" "-and" "-or" "-xor" "-not" "!" "-band" "-bor" "-bxor" "-bnot" ".." "-join" "-split"] @operator
[
  "begin" "break" "catch" "continue" "data" "do" "dynamicparam" "else" "elseif" "end" "exit" "filter" "finally" "for"
  "foreach" "function" "if" "in" "inlinescript" "parallel" "param" "process" "return" "sequence" "switch" "throw"
  "trap" "try" "until" "while" "workflow"
] @keyword
