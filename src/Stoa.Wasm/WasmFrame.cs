using System.Globalization;
using System.Text;

namespace Stoa.Wasm;

/// <summary>A call that had not returned when a guest trapped.</summary>
/// <param name="Module">The module of the function; null for a function of the host that a guest called.</param>
/// <param name="Function">The function's number in its module, imported ones included; null for a function of the host.</param>
/// <param name="Name">
/// The function's name in the module's name section, else a name that it is exported by, else null. It is what the module says: of any
/// length and with any characters. <see cref="ToString"/> makes it fit for a terminal.
/// </param>
public sealed record WasmFrame(Module? Module, int? Function, string? Name)
{
    private const int MaxNameLength = 200;

    /// <summary>The function by name and number, on one line: <c>parse (wasm function 3)</c>, or <c>&lt;host&gt;</c>.</summary>
    public override string ToString() =>
        Function is { } function ? $"{Label} (wasm function {function.ToString(CultureInfo.InvariantCulture)})" : Label;

    /// <summary>Whether <see cref="Label"/> tells what was called.</summary>
    internal bool IsNamed => Function is null || !string.IsNullOrEmpty(Name);

    /// <summary>The name alone, cut to 200 characters and without characters that steer a terminal.</summary>
    internal string Label
    {
        get
        {
            if (Function is null)
                return "<host>";
            if (string.IsNullOrEmpty(Name))
                return "<unnamed>";
            var label = new StringBuilder(Math.Min(Name.Length, MaxNameLength) + 1);
            foreach (var rune in Name.EnumerateRunes())
            {
                if (label.Length >= MaxNameLength)
                    return label.Append('…').ToString();
                bool isPlain = Rune.GetUnicodeCategory(rune) is not (
                    UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
                label.Append((isPlain ? rune : Rune.ReplacementChar).ToString());
            }

            return label.ToString();
        }
    }
}
