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

    private static IEnumerable<string> Documents() =>
        Checkout.Files(".", "*.md").Select(path => path.StartsWith("./", StringComparison.Ordinal) ? path[2..] : path);

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"(?m)^(?:\$ |    )?\./([a-z][a-z.-]*)\b")]
    private static partial Regex Command();
}
