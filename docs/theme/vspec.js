// Highlights descriptions (```vspec). mdBook loads this file after it has highlighted the page, so these blocks are highlighted again.
// The words are those of the grammar in spec-language.md. They are not reserved: `read` can also be a name, so that the text around a
// word decides what it is.
"use strict";

hljs.registerLanguage("vspec", function (hljs) {
    const keyword = (begin) => ({ className: "keyword", begin });
    return {
        contains: [
            hljs.C_LINE_COMMENT_MODE,
            hljs.QUOTE_STRING_MODE,
            // The name of an item.
            {
                className: "title",
                begin: /(?<=\b(?:device|module|registers|struct|request|enum|bits|const)\s+)[a-z_]\w*/,
            },
            // The start of an item.
            keyword(/\b(?:device|module|registers|packed|struct|request|enum|bits|const)\b(?=\s+[a-z])/),
            // The start of a list.
            keyword(/\b(?:features|reserved|queues|config|shared_memory|readable|writable|union)\b(?=\s*\{)/),
            keyword(/\b(?:features(?=\s+reserved\b)|union(?=\s+by\b)|config(?=\.))/),
            // A clause with an operand.
            keyword(/\b(?:as|by|count|from|if|on|or|requires)\b(?=\s+["\w])/),
            // A clause without one.
            keyword(/(?<=[\w\]]\s+)(?:read|write|setup|readable|writable)\b(?!\s*[=:])/),
            { className: "built_in", begin: /\b(?:u8|u16|u32|u64|usize|(?:le|be|virtio)(?:8|16|32|64))\b/ },
            { className: "number", begin: /\b(?:0x[0-9a-fA-F_]+|0b[01_]+|[0-9][0-9_]*)/ },
        ],
    };
});

for (const block of document.querySelectorAll("code.language-vspec")) {
    hljs.highlightBlock(block);
}
