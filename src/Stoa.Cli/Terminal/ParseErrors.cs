using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;

namespace Stoa.Cli.Terminal;

/// <summary>What is wrong with a command line, where the parser has words of its own for it that name types and not what is expected.</summary>
internal static partial class ParseErrors
{
    public static string Say(ParseResult parsed, ParseError error)
    {
        var command = parsed.CommandResult.Command;
        if (MissingOfCommand().IsMatch(error.Message))
        {
            var missing = command.Arguments
                .Where(argument => argument.Arity.MinimumNumberOfValues > 0 && parsed.GetResult(argument) is not { Tokens.Count: > 0 })
                .Select(argument => argument.HelpName ?? argument.Name).ToList();
            return missing.Count > 0 ? $"'{HelpPrinter.Path(command)}' needs {string.Join(" and ", missing)}." : error.Message;
        }

        if (MissingOfOption().Match(error.Message) is { Success: true } withoutValue)
            return $"{withoutValue.Groups[1].Value} needs a value{(Find(parsed, withoutValue.Groups[1].Value)?.HelpName is { } name ? $": {withoutValue.Groups[1].Value} {name}" : "")}.";
        if (TooMany().Match(error.Message) is { Success: true } repeated)
            return $"{repeated.Groups[1].Value} is given once.";
        if (Unparsable().Match(error.Message) is { Success: true } misfit)
        {
            var (word, option) = (misfit.Groups[1].Value, misfit.Groups[2].Value);
            return $"{option} takes {KindOf(Find(parsed, option)?.ValueType)}; '{word}' is not one.";
        }

        return error.Message;
    }

    private static Option? Find(ParseResult parsed, string name) => parsed.CommandResult.Command.Options
        .Concat(HelpPrinter.Root(parsed.CommandResult.Command).Options)
        .FirstOrDefault(option => option.Name == name || option.Aliases.Contains(name));

    private static string KindOf(Type? type) => Type.GetTypeCode(Nullable.GetUnderlyingType(type ?? typeof(string)) ?? type) switch
    {
        TypeCode.Boolean => "true or false",
        TypeCode.Int32 or TypeCode.Int64 => "a whole number",
        TypeCode.Double or TypeCode.Decimal => "a number such as 0.9",
        _ => "another kind of value",
    };

    [GeneratedRegex("^Required argument .*missing for command: '")]
    private static partial Regex MissingOfCommand();

    [GeneratedRegex(@"^Required argument .*missing for option: '([^']+)'\.$")]
    private static partial Regex MissingOfOption();

    [GeneratedRegex(@"^Option '([^']+)' expects a single argument but")]
    private static partial Regex TooMany();

    [GeneratedRegex(@"^Cannot parse argument '(.*)' for option '([^']+)' as expected type ", RegexOptions.Singleline)]
    private static partial Regex Unparsable();
}
