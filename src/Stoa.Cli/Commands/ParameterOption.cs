using System.CommandLine;

namespace Stoa.Cli.Commands;

/// <summary>Options of the form <c>--param name=value</c>, as often as needed.</summary>
internal static class ParameterOption
{
    /// <summary>The settings of an agent.</summary>
    public static Option<Dictionary<string, string>?> Create() =>
        Create("--param", "A setting that the agent declares; may be given several times.", "NAME=VALUE", "-p");

    /// <summary>Pairs of any kind.</summary>
    public static Option<Dictionary<string, string>?> Create(string name, string description, string form, params string[] aliases) => new(name, aliases)
    {
        Description = description,
        HelpName = form,
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
        CustomParser = result =>
        {
            var parameters = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var token in result.Tokens)
            {
                var equals = token.Value.IndexOf('=', StringComparison.Ordinal);
                if (equals <= 0)
                    result.AddError($"{name} is written as {form}; '{token.Value}' is not.");
                else if (!parameters.TryAdd(token.Value[..equals], token.Value[(equals + 1)..]))
                    result.AddError($"{name} {token.Value[..equals]} is there twice.");
            }

            return parameters;
        },
    };
}
