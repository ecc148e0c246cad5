#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Captures what llama.cpp makes of hostile texts, for tests/text/tokens_golden_test.cpp.

    capture_tokens.py --lib LIB --out DIR FILE.gguf…     writes the three files below into DIR
    capture_tokens.py --lib LIB --out DIR --facts FILE.gguf…   only facts.txt (seconds)
    capture_tokens.py --lib LIB --out DIR --pre PRE… -- FILE.gguf   the file with the pre-tokenizer
                         exchanged, once for each name: as NAME+PRE
    capture_tokens.py --lib LIB --show N FILE.gguf       prints the ids of text N in all four modes

LIB is a library that exports llama.cpp's C interface: libllama.so of a build, or the extension
module inside the package xllamacpp (a wheel is a zip file). FILE is a vocabulary
(models/ggml-vocab-*.gguf in the source package llama-cpp-python) or a model; a model's name is its
folder's. A vocabulary that the library refuses is left out.

texts.txt, a line each:  text REPEAT HEX        these bytes, that many times
                         codes FIRST LAST HEX   each code point as UTF-8 (surrogates too), each
                                                followed by these bytes
tokens.txt, per vocabulary:  NAME N-TOKENS, then one line of 12 hexadecimal digits per text: the
upper 48 bits of FNV-1a 64 over the little-endian int32 sequence (count, ids…) of the four modes
(add_special, parse_special) = 00, 01, 10, 11.
facts.txt, a line per vocabulary:  NAME N-TOKENS BOS EOS ADD_BOS ADD_EOS ENDS SHOWN HIDDEN, where
ENDS are the ids that end a generation, joined by commas, and SHOWN and HIDDEN digests of the pieces
of all tokens with and without special ones: FNV-1a 64 as above over (length, bytes…) of each. A
token that is no text of the byte alphabet counts as empty: the reference shows a complaint there.
"""

import argparse
import ctypes
import random
import sys
import tempfile
import threading
from pathlib import Path

STACK_BYTES = 1 << 30  # the reference matches its patterns by recursion


def spell(code):
    return chr(code).encode("utf-8", "surrogatepass")


def basic_texts():
    yield from [
        "", " ", "  ", "   ", "\t", "\n", "\n\n", "\n\n\n", "\r\n", "\r\n\r\n", "\t\n", " \n ",
        "Hello", " Hello", "  Hello", "Hello world", "Hello, world!",
        "Hello  world   again    now", "hello\n", "hello\n\n", "\nhello", "\n \nhello",
        "a\r\nb\r\n\r\nc", "tab\tseparated\t\tx", "trailing space ", "trailing spaces   ",
        " = = = ", "===", "=" * 37, "!!!!!!", "...", "…",
        "I'm you're we've they'll he'd it's don't", "I'M YOU'RE WE'VE THEY'LL HE'D IT'S DON'T",
        "'s 't 're 've 'm 'll 'd 'x '", "''s''t", "'S'T'RE'VE'M'LL'D", "o'\u017fx 'K\u212a",
        "I\u2019m you\u2019re it\u2019s", "'\u0130s", "rock'n'roll o'clock y'all'd've", "1",
        "12", "123", "1234", "12345", "123456", "1234567", "12345678901234567890", "3.14159",
        "1,000,000.00", "0x1F", "1e-10", "2024-11-21T08:00:00Z", "a1b2c3", "x86_64",
        "abc1234def56", "12 345 6789", "\u0661\u0662\u0663\u0664", "\u00bd\u00be\u2460\u2167",
        "\U0001d7d8\U0001d7d9\U0001d7da\U0001d7db", "\u4e00\u4e8c\u4e09 123 \u5341",
        "CamelCaseIdentifier snake_case_name SCREAMING_CASE kebab-case XMLHttpRequest iOS",
        "aB Ab AB ab aBc ABc AbC aBC ABcD", "ÀÉÎ àéî ÀéÎ éÀ ÀÀé", "ǅ ǈ ǋ",
        "ⅠⅡⅢ ⅰⅱⅲ", "for (int i = 0; i < n; ++i) {\n\tsum += a[i] * b[i];\n}\n",
        "def f(x):\n    return {'a': x, \"b\": [1, 2, 3]}\n\n\nclass A:\n    pass\n",
        "#include <stdio.h>\r\nint main(void) {\r\n  printf(\"%d\\n\", 42);\r\n}\r\n",
        "SELECT * FROM t WHERE a >= 1 AND b <> 'x''y'; -- note",
        "https://example.org/a/b?c=d&e=f#g user@example.org", "/usr/local/bin/../lib//x",
        "a/b\\c", "```python\nprint(1)\n```", "| a | b |\n|---|---|\n| 1 | 2 |",
        "**bold** _it_ ~~x~~ `c`", "<html><body class=\"x\">&amp;</body></html>",
        "$x^2 + \\frac{1}{2}$", "@#$%^&*()_+-=[]{}|", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
        "a!b\"c#d$e%f&g", "x=y+z-w*v/u", "^^^```|||<<<>>>", "!abc #def .ghi -jkl _mno",
        "!Abc1 (Def2) [Ghi]", "a.b.c", "a . b . c", "..\n..", "!\n!\r!", "?\n\n/x",
        "!!/\n//\r\n", "foo//bar\n/", "- item\n- item\n  - nested\n",
    ]


def language_texts():
    yield from [
        "Xin chào thế giới! Tôi yêu tiếng Việt.",
        "Nguyễn Văn Ấn ở Huế, Đà Nẵng, Hà Nội",
        "Xin cha\u0300o the\u0302\u0301 gio\u031b\u0301i! To\u0302i ye\u0302u "
        "tie\u0302\u0301ng Vie\u0302\u0323t.",
        "Nguye\u0302\u0303n a\u0302\u0301 u\u031b\u0323 o\u031b\u0309",
        "Việ\u0323t tiê\u0301ng ﬁ ﬂ ﬃ", "你好，世界！今天天气怎么样？",
        "中文English混合123数字",
        "这是一个没有空格的很长的句子用来测试分词器在中文文本上的表现如何。",
        "　全角　空格　",
        "日本語のテキスト、カタカナとひらがな。ﾊﾝｶｸ",
        "こんにちは世界ー〜", "ゟヿ゠・ー",
        "한국어 텍스트입니다. 안녕하세요!", "\u1112\u1161\u11ab\u1100\u116e\u11a8",
        "ㄱㄴㄷ ㅏㅑ", "Привет, мир! Как дела?",
        "ЁЛКА ёлка Щука", "Γειά σου Κόσμε ΣΊΣΥΦΟΣ ς",
        "שלום עולם", "שָׁלוֹם עֲלֵיכֶם", "مرحبا بالعالم",
        "السَّلَامُ عَلَيْكُمْ", "\u202bمرحبا\u202c abc \u200fx",
        "नमस्ते दुनिया, क्षत्रिय",
        "বাংলা ভাষা", "தமிழ் மொழி",
        "ภาษาไทยไม่มีช่องว่าง", "ພາສາລາວ",
        "ភាសាខ្មែរ", "မြန်မာဘာသာ",
        "བོད་སྐད་", "ქართული ენა ᲐᲑᲒ",
        "Հայերեն ԱԲԳ", "አማርኛ", "ᏣᎳᎩ ꭰꭱ", "ᠮᠣᠩᠭᠣᠯ",
        "Ελληνικά ἄνθρωπος ᾳ ᾼ", "ŁÓDŹ łódź İstanbul ıI",
        "straße STRASSE ẞ", "naïve café", "nai\u0308ve cafe\u0301", "A\u030a Å \u212b",
        "\u1e9b\u0323",
        "Zalgo: h\u0335\u0321e\u0336l\u0337"
        "l\u0334\u0316o\u0338\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308",
        "ð þ æ œ Ð Þ Æ Œ ĳ Ĳ ŉ ĸ", "𐐀𐐁𐐨𐐩 𝐀𝐁𝐂𝐚𝐛 𝒜 𝔘",
        "𠀀𠀁𪛖 𫝀 𫠝 丽", "豈更車 ﷺ", "〇〡〢 ㊀㊁ ㍿",
        "ｆｕｌｌｗｉｄｔｈ ＡＢＣ １２３ ！？", "①②③ ⑴ ⒈ ⅓",
        "א\u0301b", "e\u0301\u0301\u0301",
    ]


def mark_texts():
    yield from [
        "😀", "😀😃😄", "Hello 😀 world", "👨‍👩‍👧‍👦",
        "👩🏽‍💻👩🏿‍🚀", "🏳️‍🌈🏴‍☠️",
        "🇻🇳🇺🇸🇫🇷", "❤️‍🔥 ❤ ☺️",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "1️⃣2️⃣#️⃣", "\ufe0f\ufe0f", "a\u200bb\u200cc\u200dd\u2060e\ufefff",
        "\ufeffBOM first", "\u00ad soft\u00adhyphen", "\u2028line\u2029paragraph",
        "\u0085next\u0085line", "a\u00a0b\u00a0\u00a0c", "\u1680ogham",
        "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a", "\u3000\u3000x",
        "\u202f\u205f", "\u180ex\u180e", "x\u3000", "x \u3000 y", "\u00a0\n\u00a0\n",
        "\u3000A\u2028B", "\u000b\u000c", "a\u000bb\u000cc\u001cd\u001de\u001ef\u001fg", "\x00",
        "a\x00b", "\x00\x00\x00", "\x01\x02\x03\x7f\x80\x9f", "\u200b", "\u200d\u200d", "\ufffd",
        "a\ufffdb", "\ufffe\uffff", "\u0378\u0379 \u05ff \u2fe0", "\ue000\uf8ff",
        "\U000f0000\U0010fffd", "\U0001fae8\U0001fadc",
        "\u0c00\u0cf3\u0ece\U00011f02\U0001e030\U0002ebf0", "\U0003134f\U00031350\U000323af",
        "₫₿₠ €£¥", "“quotes” ‘single’ «guillemets» „low“",
        "– — ― ‐ ‑ ‒", "†‡•‣…‰",
        "←→⇒∀∃∈∑√∞≈≠≤≥", "½°±µ¶·", "─│┌┐█▓▒░",
        "▁", "▁▁", "a▁b", "▁Hello▁world", " ▁ ", "Ġ", "ĠHello Ċ ĉ", "ĠĠ",
        "âĢĻ", "¡¬®ÿ", "Â", "[UNK_BYTE_0xe29681▁]", "<0x0A>", "<0xFF><0x00>",
        "##ing ##s", "[CLS] [SEP] [MASK] [UNK] [PAD]", "\u0345\u0300x", "x\u20dd",
        "\u0903\u093e", " \u0301", "\u0301", "\u0301\u0302 a", "1\u0301", " \u0301a", "!\u0301a",
        "\n\u0301\n", "a \u0301b c\u0301 d", "क़ ड़", "\u2126 \u212a \u212b",
    ]


SPECIALS = [
    "<s>", "</s>", "<unk>", "<pad>", "<mask>", "<|endoftext|>", "<|im_start|>", "<|im_end|>",
    "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
    "<|eot_id|>", "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "<|system|>", "<|user|>",
    "<|assistant|>", "<|end|>", "[INST]", "[/INST]", "<<SYS>>", "<|fim_prefix|>", "<fim_prefix>",
    "<|tool_call|>", "<tool_call>", "</tool_call>", "<think>", "</think>", "<unused0>",
    "<unused99>", "[MASK]", "[CLS]", "<|START_OF_TURN_TOKEN|>",
    "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<|channel>", "<turn|>", "<\uff5cUser\uff5c>",
    "<|vision_start|>", "<repo_name>", "<|placeholder1|>", "<table>", "</h1>",
]


def special_texts():
    for token in SPECIALS:
        yield f"{token}"
        yield f"a{token}b {token} c  {token}  {token}{token}\n{token}\n"
    yield "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    yield "<|im_start<|im_end|>|>"
    yield "<|im_end|"
    yield "<<|im_end|>>"
    yield "< s > <S> </S> <|IM_END|>"
    yield "<s><s></s></s><s> x </s>"
    yield "<bos><bos>hi<eos>"
    yield "<|endoftext|>" * 7
    yield "<|system|>\n\n  x <|end|>\n\n  <|user|>\t\ty<|end|>"
    yield "<mask> <mask>  <mask>\n<mask>x<mask>"
    yield "\n\n\n\n<end_of_turn>\n\n\n"
    yield "[INST] <<SYS>>\nx\n<</SYS>>\n\ny [/INST] z </s><s>[INST]"
    yield "".join(SPECIALS)


def broken_texts():
    yield from [
        b"\x80", b"\xff", b"\xfe\xff", b"a\x80b", b"\xc3", b"\xc3(", b"\xe2\x82", b"\xe2\x82(",
        b"\xe2(\xa1", b"\xf0\x9f\x98", b"\xf0\x9f\x98 x", b"\xf0(\x8c\xbc", b"\xc0\x80",
        b"\xc1\xbf", b"\xe0\x80\x80", b"\xe0\x81\x81 x", b"\xf0\x80\x80\x80",
        b"\xf0\x82\x82\xac", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb8\x80",
        b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"ok \xe4\xbd",
        b"\xe4\xbd\xa0\xe5\xa5", b"\xa0\xe5\xa5\xbd", bytes(range(128, 192)),
        bytes(range(192, 244)), bytes(range(0, 128)), b"x\xc2", b"x \xc2\xa0\xc2",
        b"\xe2\x96\x81\xe2\x96", b"\xe2\x96", b"\x00\xff\x00\xfe", b"\xef\xbb\xbf\xef\xbb",
        b"caf\xe9 na\xefve", b"\xa4\xa4\xa4\xe5 \xb9",
    ]


def random_texts():
    random_source = random.Random(20240607)
    alphabets = [
        "ab ", "aA1 .\n", " \t\n\r", "'sdtrevlm SDL", "<|>im_end/s", "0123456789,.",
        "aé́ \u0301ộ", "中日가あ 1a。", " \u00a0\u3000\u2028\n\ra", "!?.,:;/\n\r a",
        "\u0301\u0300 ab1!", "ÀàAa'S1 ", "😀\u200d\ufe0f👩a ", "אبa1 \u200f",
        "`^~|$+<=>#@ a1", "\U00020000\u9fa6\u3400a\uac00\ud7a4 1",
    ]
    for alphabet in alphabets:
        for length in (20, 60, 200):
            yield "".join(random_source.choice(alphabet) for _ in range(length))
    for _ in range(24):
        yield "".join(chr(random_source.choice([random_source.randrange(0x20, 0x7F),
                                                random_source.randrange(0xA0, 0x600),
                                                random_source.randrange(0x3000, 0xD7A4),
                                                random_source.randrange(0x10000, 0x10FFFF)]))
                      for _ in range(80))
    for _ in range(24):  # bytes; none from which a code point beyond U+10FFFF could be read
        yield bytes(random_source.choice([random_source.randrange(0, 0xF4),
                                          random_source.randrange(0x20, 0x7F)]) for _ in range(80))


def repeated_texts():
    for unit in ("a", " ", "\n", "A", "1", "!", "é", "中", "\u0301", "😀", "ab", "a ", " a",
                 "\r\n", "'s", "Ab", "aA", "\t", "\u00a0", "=", "▁", "<", "ha", "0 ", ". ", "_",
                 "-"):
        for repeat in (17, 300, 2000):
            yield repeat, unit.encode()
    for repeat in (31, 63, 127, 255, 257, 511, 513, 1025):
        yield repeat, b" "
    yield 1500, b"\xff"
    yield 700, "\u0301a".encode()
    yield 400, "Thiên nhiên ".encode()


def all_texts():
    """(kind, number, number or None, bytes), in the order of the file."""
    texts = []
    for source in (basic_texts, language_texts, mark_texts, special_texts, broken_texts,
                   random_texts):
        for text in source():
            texts.append(("text", 1, text if isinstance(text, bytes) else text.encode()))
    for repeat, unit in repeated_texts():
        texts.append(("text", repeat, unit))
    for first in range(0, 0x110000, 0x1000):
        texts.append(("codes", first, first + 0xFFF, b""))
    for first in range(0, 0x3400, 0x400):
        for joint in (b"a", b" ", b"1 "):
            texts.append(("codes", first, first + 0x3FF, joint))
    for first in range(0x3400, 0x110000, 0x4000):
        if first < 0x20000 or first >= 0xE0000 - 0x400:
            texts.append(("codes", first, first + 0x7FF, b" a"))
    return texts


def content(text):
    if text[0] == "text":
        return text[2] * text[1]
    return b"".join(spell(code) + text[3] for code in range(text[1], text[2] + 1))


def line_of(text):
    if text[0] == "text":
        return f"text {text[1]} {text[2].hex()}".rstrip()
    return f"codes {text[1]:x} {text[2]:x} {text[3].hex()}".rstrip()


class Reference:
    """llama.cpp through its C interface."""

    def __init__(self, path):
        self.lib = ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
        for name in ("llama_model_load_from_file", "llama_model_get_vocab"):
            getattr(self.lib, name).restype = ctypes.c_void_p
        self.log = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(
            lambda *_: None)
        self.lib.llama_log_set(self.log, None)
        self.lib.llama_backend_init()

    def load(self, path):
        # Larger than the structure of any version: it is passed and returned in memory.
        class Params(ctypes.Structure):
            _fields_ = [("raw", ctypes.c_uint8 * 256)]
        self.lib.llama_model_default_params.restype = Params
        params = self.lib.llama_model_default_params()
        # The first flag that is on is use_extra_bufts; vocab_only stands two before it.
        vocab_only = next(i for i in range(40, 104) if params.raw[i] == 1) - 2
        params.raw[vocab_only] = 1
        self.lib.llama_model_load_from_file.argtypes = [ctypes.c_char_p, Params]
        self.model = self.lib.llama_model_load_from_file(str(path).encode(), params)
        if not self.model:
            return False
        self.vocab = ctypes.c_void_p(self.lib.llama_model_get_vocab(ctypes.c_void_p(self.model)))
        return True

    def piece(self, token, special):
        room = 4096
        buffer = ctypes.create_string_buffer(room)
        n = self.lib.llama_token_to_piece(self.vocab, token, buffer, room, 0,
                                          ctypes.c_bool(special))
        if n < 0:
            raise RuntimeError(f"token {token} has {-n} bytes")
        return b"" if b"[UNK_BYTE_0x" in buffer.raw[:n] else buffer.raw[:n]

    def facts(self):
        lib, vocab = self.lib, self.vocab
        lib.llama_vocab_is_eog.restype = ctypes.c_bool
        lib.llama_vocab_get_add_bos.restype = ctypes.c_bool
        lib.llama_vocab_get_add_eos.restype = ctypes.c_bool
        ids = range(self.n_tokens())
        ends = ",".join(str(i) for i in ids if lib.llama_vocab_is_eog(vocab, i)) or "-"
        pieces = [fnv(number for i in ids for piece in (self.piece(i, special),)
                      for number in (len(piece), *piece)) for special in (True, False)]
        return (f"{self.n_tokens()} {lib.llama_vocab_bos(vocab)} {lib.llama_vocab_eos(vocab)} "
                f"{int(lib.llama_vocab_get_add_bos(vocab))} "
                f"{int(lib.llama_vocab_get_add_eos(vocab))} {ends} {pieces[0]} {pieces[1]}")

    def free(self):
        self.lib.llama_model_free(ctypes.c_void_p(self.model))

    def n_tokens(self):
        return self.lib.llama_vocab_n_tokens(self.vocab)

    def tokens(self, text, add_special, parse_special):
        room = 4 * len(text) + 16  # a broken byte may become the three of U+FFFD
        ids = (ctypes.c_int32 * room)()
        n = self.lib.llama_tokenize(self.vocab, text, len(text), ids, room,
                                    ctypes.c_bool(add_special), ctypes.c_bool(parse_special))
        if n < 0:
            raise RuntimeError(f"{-n} tokens for {len(text)} bytes")
        return ids[:n]


MODES = [(False, False), (False, True), (True, False), (True, True)]


def fnv(numbers):
    value = 0xCBF29CE484222325
    for number in numbers:
        for byte in (number & 0xFFFFFFFF).to_bytes(4, "little"):
            value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value >> 16:012x}"


def digest(lists):
    return fnv(number for ids in lists for number in [len(ids), *ids])


def with_pre_tokenizer(path, pre, folder):
    """A copy of a vocabulary (a file without tensors) that names another pre-tokenizer."""
    data = Path(path).read_bytes()
    key = b"tokenizer.ggml.pre" + (8).to_bytes(4, "little")  # 8: the type string
    at = data.index(key) + len(key)
    n_old = int.from_bytes(data[at:at + 8], "little")
    new = len(pre).to_bytes(8, "little") + pre.encode()
    copy = Path(folder) / f"ggml-vocab-{name_of(path)}+{pre}.gguf"
    copy.write_bytes(data[:at] + new + data[at + 8 + n_old:] + bytes(64))
    return copy


def name_of(path):
    path = Path(path)
    stem = path.name.removesuffix(".gguf")
    return stem.removeprefix("ggml-vocab-") if stem.startswith("ggml-vocab-") else path.parent.name


def run(args):
    reference = Reference(args.lib)
    with tempfile.TemporaryDirectory() as folder:
        if args.pre:
            args.files = [with_pre_tokenizer(path, pre, folder)
                          for path in args.files for pre in args.pre]
        capture(reference, args)


def capture(reference, args):
    texts = all_texts()
    if args.show is not None:
        reference.load(args.files[0])
        print(content(texts[args.show])[:400])
        for mode in MODES:
            print(mode, reference.tokens(content(texts[args.show]), *mode))
        return
    out = Path(args.out)
    (out / "texts.txt").write_text("".join(line_of(text) + "\n" for text in texts))
    with open(out / "facts.txt", "w") as facts:
        for path in args.files:
            if not reference.load(path):
                print(f"{path}: refused", file=sys.stderr)
                continue
            facts.write(f"{name_of(path)} {reference.facts()}\n")
            reference.free()
    if args.facts:
        return
    with open(out / "tokens.txt", "w") as tokens:
        for path in args.files:
            if not reference.load(path):
                continue
            tokens.write(f"{name_of(path)} {reference.n_tokens()}\n")
            for text in texts:
                data = content(text)
                tokens.write(digest(reference.tokens(data, *mode) for mode in MODES) + "\n")
            tokens.flush()
            print(f"{path}: {len(texts)} texts", file=sys.stderr)
            reference.free()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lib", required=True)
    parser.add_argument("--out", default=".")
    parser.add_argument("--show", type=int)
    parser.add_argument("--facts", action="store_true")
    parser.add_argument("--pre", nargs="+")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    threading.stack_size(STACK_BYTES)
    worker = threading.Thread(target=run, args=(args,))
    worker.start()
    worker.join()


if __name__ == "__main__":
    main()
