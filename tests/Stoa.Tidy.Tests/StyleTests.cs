using System.Text.RegularExpressions;

namespace Stoa.Tidy.Tests;

/// <summary>House rules that the compiler does not know.</summary>
public sealed partial class StyleTests
{
    private const int MaxLines = 700;

    [Fact]
    public void Files_HoldOneThought() =>
        Sources().Where(file => Checkout.Lines(file).Length > MaxLines).ShouldBeEmpty();

    [Fact]
    public void Names_SayWhatTheThingIs() =>
        Sources().Where(file => VagueName().IsMatch(file)).ShouldBeEmpty();

    [Fact]
    public void Code_IsFinishedOrAbsent() =>
        Matches(Unfinished()).ShouldBeEmpty();

    [Fact]
    public void Code_HasNoRegions() =>
        Matches(Region()).ShouldBeEmpty();

    [Fact]
    public void Interfaces_AreNotShadowsOfOneClass()
    {
        var shadows =
            from file in Sources()
            let name = Path.GetFileNameWithoutExtension(file)
            where name.Length > 2 && name[0] == 'I' && char.IsUpper(name[1]) && name.EndsWith("Service", StringComparison.Ordinal)
            select file;
        shadows.ShouldBeEmpty();
    }

    private static IEnumerable<string> Sources() => Checkout.Files("src", "*.cs");

    private static IEnumerable<string> Matches(Regex pattern) =>
        from file in Sources()
        from line in Checkout.Lines(file)
        where pattern.IsMatch(line)
        select $"{file}: {line.Trim()}";

    [GeneratedRegex(@"(Manager|Helper|Helpers|Util|Utils|Utilities|Common|Impl)\.cs$")]
    private static partial Regex VagueName();

    [GeneratedRegex(@"NotImplementedException|\b(TODO|FIXME|HACK|XXX)\b")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"^\s*#region")]
    private static partial Regex Region();
}
