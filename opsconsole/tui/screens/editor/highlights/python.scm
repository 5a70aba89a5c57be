; Python, for tree-sitter-python 0.25. Capture names are those of painting.LAYERS.
(string) @string
(escape_sequence) @operator
(interpolation ["{" "}"] @operator)
(comment) @comment
(call function: (identifier) @function)
(call function: (attribute attribute: (identifier) @function))
(function_definition name: (identifier) @function)
(class_definition name: (identifier) @type)
(type (identifier) @type)
(decorator) @function
(keyword_argument name: (identifier) @option)
[(integer) (float)] @number
[(none) (true) (false)] @number
((identifier) @variable (#match? @variable "^(self|cls|__[a-z]+__|[A-Z][A-Z0-9_]+)$"))
[
  "and" "as" "assert" "async" "await" "break" "class" "continue" "def" "del" "elif" "else" "except" "finally" "for"
  "from" "global" "if" "import" "in" "is" "lambda" "nonlocal" "not" "or" "pass" "raise" "return" "try" "while" "with"
  "yield" "match" "case"
] @keyword
["=" "==" "!=" "<" "<=" ">" ">=" "+" "-" "*" "/" "//" "%" "**" "|" "&" "^" "~" "->" ":=" "+=" "-=" "*=" "/=" "|="] @operator
