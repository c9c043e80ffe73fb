using System.Text;

namespace Stoa.Tidy.Tests;

/// <summary>What <c>dotnet format</c> would change and the build says nothing of: the bytes of files, and the order of imports. All else of layout is IDE0055 in the build.</summary>
public sealed class LayoutTests
{
    [Fact]
    public void Files_AreUtf8WithoutAMark_EndLinesWithOneCharacter_AndTheLastOneToo() =>
        Sources().Where(file => !HasPlainBytes(File.ReadAllBytes(Path.Combine(Checkout.Root, file)))).ShouldBeEmpty();

    [Fact]
    public void Lines_EndWithNoSpace() =>
        (from file in Sources()
         from line in Checkout.Lines(file)
         where line.Length > 0 && char.IsWhiteSpace(line[^1])
         select $"{file}: {line.Trim()}").ShouldBeEmpty();

    [Fact]
    public void Imports_AreInOrder() =>
        Sources().Where(file => !AreInOrder(Imports(Checkout.Lines(file)))).ShouldBeEmpty();

    [Theory]
    [InlineData("using System; using System.Text; using Stoa.Market; using static System.Math; using Data = System.Object;", true)]
    [InlineData("using Stoa.Market; using System;", false)]
    [InlineData("using Stoa.Node; using Stoa.Market;", false)]
    [InlineData("using static System.Math; using Stoa.Market;", false)]
    public void Order_IsThatOfTheFormatter(string imports, bool isIt) =>
        AreInOrder(Imports(imports.Replace("; ", ";\n", StringComparison.Ordinal).Split('\n'))).ShouldBe(isIt);

    [Theory]
    [InlineData("class A;\n", true)]
    [InlineData("class A;", false)]
    [InlineData("class A;\r\n", false)]
    [InlineData("\uFEFFclass A;\n", false)]
    public void Bytes_ArePlain(string text, bool isIt) => HasPlainBytes(Encoding.UTF8.GetBytes(text)).ShouldBe(isIt);

    private static IEnumerable<string> Sources() => new[] { "src", "tests", "benchmarks" }.SelectMany(folder => Checkout.Files(folder, "*.cs"));

    private static bool HasPlainBytes(ReadOnlySpan<byte> bytes) =>
        !bytes.StartsWith(Encoding.UTF8.Preamble) && !bytes.Contains((byte)'\r') && (bytes.IsEmpty || bytes[^1] == (byte)'\n');

    /// <summary>What is imported before the namespace begins.</summary>
    private static List<string> Imports(string[] lines) =>
    [
        .. lines.TakeWhile(line => !line.StartsWith("namespace ", StringComparison.Ordinal))
            .Where(line => (line.StartsWith("using ", StringComparison.Ordinal) || line.StartsWith("global using ", StringComparison.Ordinal)) && line.EndsWith(';') && !line.Contains('('))
            .Select(line => line.Replace("global ", "", StringComparison.Ordinal)["using ".Length..^1]),
    ];

    private static bool AreInOrder(List<string> imports) => imports.SequenceEqual(
        imports.OrderBy(Rank).ThenBy(name => IsOfSystem(name) ? 0 : 1).ThenBy(Name, StringComparer.OrdinalIgnoreCase));

    private static int Rank(string import) => import.Contains('=') ? 2 : import.StartsWith("static ", StringComparison.Ordinal) ? 1 : 0;

    private static string Name(string import) => Rank(import) == 1 ? import["static ".Length..] : import;

    private static bool IsOfSystem(string import) => Name(import) is "System" || Name(import).StartsWith("System.", StringComparison.Ordinal);
}
