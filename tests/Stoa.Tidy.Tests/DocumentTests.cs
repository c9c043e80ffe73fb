using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Stoa.Tidy.Tests;

/// <summary>What the documents promise is there.</summary>
public sealed partial class DocumentTests
{
    [Fact]
    public void Links_LeadSomewhere()
    {
        var faults =
            from file in Documents()
            from Match match in Link().Matches(Checkout.Read(file))
            let target = match.Groups[1].Value.Split('#')[0]
            where target.Length > 0 && !target.Contains(':', StringComparison.Ordinal)
            let path = Path.Combine(Checkout.Root, Path.GetDirectoryName(file)!, target)
            where !File.Exists(path) && !Directory.Exists(path)
            select $"{file} -> {target}";
        faults.ShouldBeEmpty();
    }

    [Fact]
    public void Root_HoldsWhatAGuestNeeds()
    {
        string[] expected =
        [
            "README.md", "ARCHITECTURE.md", "RATIONALE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "run", "test", "bench", "stoa", ".ci/run",
        ];
        expected.Where(file => !File.Exists(Path.Combine(Checkout.Root, file))).ShouldBeEmpty();
    }

    [Fact]
    public void Commands_OfTheReadmeExist()
    {
        var faults =
            from Match match in Command().Matches(Checkout.Read("README.md"))
            let name = match.Groups[1].Value
            where !File.Exists(Path.Combine(Checkout.Root, name))
            select name;
        faults.ShouldBeEmpty();
    }

    [Fact]
    public void Dependencies_EachHaveAReason()
    {
        var reasons = Checkout.Read("docs/dependencies.md");
        XDocument.Parse(Checkout.Read("Directory.Packages.props"))
            .Descendants("PackageVersion")
            .Select(package => $"{package.Attribute("Include")!.Value} {package.Attribute("Version")!.Value}")
            .Where(package => !reasons.Contains($"| {package} |", StringComparison.Ordinal))
            .ShouldBeEmpty();
    }

    [Fact]
    public void FieldsOfAnAgent_AreInTheTable_EachThatIsRead()
    {
        // What the models of an agent have in common with what goods require is read there.
        var reader = Checkout.Read("src/Stoa.Market/Registry/ManifestReader.cs") + ReadDemand().Match(Checkout.Read("src/Stoa.Market/Registry/Goods/GoodsReader.cs")).Value;
        var read = FieldRead().Matches(reader).Select(match => match.Groups[1].Value).Distinct().ToList();
        var section = FieldsSection().Match(Checkout.Read("docs/agents.md")).Value;
        var told = FieldRow().Matches(section).SelectMany(match => match.Groups[1].Value.Replace("[]", "", StringComparison.Ordinal).Split('.')).ToHashSet();

        read.Count.ShouldBeGreaterThan(40);
        read.Where(name => !told.Contains(name)).ShouldBeEmpty("docs/agents.md does not tell of it");
        told.Where(name => !read.Contains(name)).ShouldBeEmpty("nobody reads it");
    }

    private static IEnumerable<string> Documents() =>
        Checkout.Files(".", "*.md").Select(path => path.StartsWith("./", StringComparison.Ordinal) ? path[2..] : path);

    /// <summary>A name that a member is asked for by: the first text of a call, or of a bound.</summary>
    [GeneratedRegex(@"(?:\b(?:Text|OptionalText|Texts|Number|Flag|Has|IsNamed|Object|Objects|Raw|Thousandths|Tier)|\b(?:Parsed|OneOf)<\w+>|\bReadMoney\(fields, |^ {8})\(?""([a-zA-Z]+)""", RegexOptions.Multiline)]
    private static partial Regex FieldRead();

    [GeneratedRegex(@"\bReadDemand\(JsonFields.*?\n    }", RegexOptions.Singleline)]
    private static partial Regex ReadDemand();

    [GeneratedRegex(@"^## Fields of `agent\.json`.*?(?=^## )", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex FieldsSection();

    [GeneratedRegex(@"^\| `([a-zA-Z.\[\]]+)` \|", RegexOptions.Multiline)]
    private static partial Regex FieldRow();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"(?m)^(?:\$ |    )?\./([a-z][a-z.-]*)\b")]
    private static partial Regex Command();
}
