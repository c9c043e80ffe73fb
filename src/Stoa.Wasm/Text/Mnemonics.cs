using System.Collections.Frozen;
using System.Text;
using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Text;

/// <summary>An instruction by its opcode: of one byte, or of a prefix and a number behind it.</summary>
/// <param name="Opcode">The byte, or the prefix.</param>
/// <param name="Code">The number behind the prefix.</param>
internal readonly record struct Mnemonic(Opcode Opcode, uint Code);

/// <summary>The names of the instructions (core specification 2.0, section 6.5).</summary>
/// <remarks>
/// The names in <see cref="Opcode"/>, <see cref="ExtendedOpcode"/> and <see cref="VectorOpcode"/> are those of the text format without its
/// punctuation, so they are the table: <c>I32TruncSatF64S</c> is <c>i32.trunc_sat_f64_s</c>.
/// </remarks>
internal static class Mnemonics
{
    private const int Longest = 64;

    // What an instruction's name has before its point: the type or thing that it works on.
    private static readonly FrozenSet<string> s_subjects = FrozenSet.Create(
        StringComparer.Ordinal,
        "i32", "i64", "f32", "f64", "v128", "i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2",
        "local", "global", "table", "memory", "ref", "elem", "data");

    private static readonly FrozenDictionary<string, Mnemonic> s_all = Build();

    private static readonly FrozenDictionary<string, Mnemonic>.AlternateLookup<ReadOnlySpan<char>> s_lookup =
        s_all.GetAlternateLookup<ReadOnlySpan<char>>();

    public static bool TryFind(ReadOnlySpan<byte> text, out Mnemonic mnemonic)
    {
        mnemonic = default;
        if (text.Length > Longest)
            return false;
        Span<char> name = stackalloc char[Longest];
        int length = Encoding.ASCII.GetChars(text, name);
        return s_lookup.TryGetValue(name[..length], out mnemonic);
    }

    private static FrozenDictionary<string, Mnemonic> Build()
    {
        var all = new Dictionary<string, Mnemonic>();
        foreach (var opcode in Enum.GetValues<Opcode>())
        {
            if (opcode is not (Opcode.SelectTyped or Opcode.PrefixFC or Opcode.PrefixVector))
                all.Add(Spell(opcode.ToString()), new Mnemonic(opcode, 0));
        }

        foreach (var extended in Enum.GetValues<ExtendedOpcode>())
            all.Add(Spell(extended.ToString()), new Mnemonic(Opcode.PrefixFC, (uint)extended));
        foreach (var vector in Enum.GetValues<VectorOpcode>())
            all.Add(Spell(vector.ToString()), new Mnemonic(Opcode.PrefixVector, (uint)vector));
        return all.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static string Spell(string name)
    {
        var spelled = new StringBuilder();
        bool hasPoint = false;
        foreach (char character in name)
        {
            if (char.IsAsciiLetterUpper(character) && spelled.Length > 0)
            {
                bool isPoint = !hasPoint && s_subjects.Contains(spelled.ToString());
                spelled.Append(isPoint ? '.' : '_');
                hasPoint = true;
            }

            spelled.Append(char.ToLowerInvariant(character));
        }

        return spelled.ToString();
    }
}
