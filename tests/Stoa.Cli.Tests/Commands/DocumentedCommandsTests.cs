using System.Text.RegularExpressions;
using Stoa.Cli.Commands;
using Stoa.Cli.Tests.Node;

namespace Stoa.Cli.Tests.Commands;

/// <summary>What the documentation tells people to type.</summary>
public sealed partial class DocumentedCommandsTests
{
    // What readers put their own in for, where the command knows the form of what it is given.
    private static readonly Dictionary<string, string> s_placeholders = new()
    {
        ["TASK"] = "task_01h2xcejqtf2nbrexx3vqjhp41",
        ["AUCTION"] = "auction_01h2xcejqtf2nbrexx3vqjhp41",
        ["supp_…"] = "supp_01h2xcejqtf2nbrexx3vqjhp41",
        ["PAYMENT"] = "pay_01h2xcejqtf2nbrexx3vqjhp41",
        ["sha256:…"] = $"sha256:{new string('a', 64)}",
    };

    /// <summary>Every line of a document that begins with <c>stoa</c>, as a shell would hand it over.</summary>
    public static IEnumerable<TheoryDataRow<string, string>> Lines()
    {
        var documents = Directory.EnumerateFiles(Path.Combine(RealNode.Checkout, "docs"), "*.md").Append(Path.Combine(RealNode.Checkout, "README.md"));
        foreach (var document in documents.Order(StringComparer.Ordinal))
        {
            var text = File.ReadAllText(document).Replace("\\\n", " ", StringComparison.Ordinal);
            foreach (var line in text.Split('\n').Where(line => CommandLine().IsMatch(line)).Distinct())
                yield return new(Path.GetFileName(document), line.Trim());
        }
    }

    [Theory]
    [MemberData(nameof(Lines))]
    public void Command_InADocument_IsOneThatThereIs(string document, string line)
    {
        using var cli = new TestCli();

        var parsed = StoaRootCommand.Create(cli.Surroundings()).Parse(WordsOf(line).Skip(1).ToList());

        parsed.Errors.Select(error => error.Message).ShouldBeEmpty($"{document}: {line}");
        parsed.CommandResult.Command.Action.ShouldNotBeNull($"{document}: {line} ends before the command does");
    }

    /// <summary>The words of a line: quotes kept together, comments, redirections, pipes and what follows them left out.</summary>
    private static IEnumerable<string> WordsOf(string line)
    {
        foreach (var word in Word().Matches(line).Select(match => match.Value))
        {
            if (word[0] is '#' or '>' or '|' or '&' or '<' || word == "2>")
                yield break;
            yield return s_placeholders.GetValueOrDefault(word) ?? (word[0] is '\'' or '"' && word[^1] == word[0] ? word[1..^1] : word);
        }
    }

    [GeneratedRegex(@"^ *(\./)?stoa [a-z]")]
    private static partial Regex CommandLine();

    [GeneratedRegex("""'[^']*'|"[^"]*"|[^\s'"]+""")]
    private static partial Regex Word();
}
