using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Commands;

/// <summary>Options and arguments that take one of a few words.</summary>
internal static class OneOf
{
    public static void Accepts(this Option<string?> option, params IReadOnlyList<string> words) =>
        Restrict(option.Validators, option.CompletionSources, option.Name, words);

    public static void Accepts(this Argument<string> argument, params IReadOnlyList<string> words) =>
        Restrict(argument.Validators, argument.CompletionSources, argument.Name, words);

    /// <summary>Words as a sentence lists them: <c>a, b or c</c>.</summary>
    public static string Listed(IReadOnlyList<string> words) => words is [var only] ? only : $"{string.Join(", ", words.SkipLast(1))} or {words[^1]}";

    private static void Restrict<TResult>(
        List<Action<TResult>> validators, List<Func<CompletionContext, IEnumerable<CompletionItem>>> completions, string name, IReadOnlyList<string> words)
        where TResult : SymbolResult
    {
        completions.Add(_ => words.Select(word => new CompletionItem(word)));
        validators.Add(result =>
        {
            if (result.Tokens is not [var token] || words.Contains(token.Value))
                return;
            var meant = Suggestions.For(token.Value, words);
            result.AddError($"{name} is {Listed(words)}; '{token.Value}' is not." + (meant.Count > 0 ? $" Did you mean {Listed(meant)}?" : ""));
        });
    }
}
