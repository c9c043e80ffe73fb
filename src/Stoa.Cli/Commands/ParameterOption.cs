using System.CommandLine;

namespace Stoa.Cli.Commands;

/// <summary><c>--param name=value</c>, as often as needed.</summary>
internal static class ParameterOption
{
    public static Option<Dictionary<string, string>?> Create()
    {
        return new Option<Dictionary<string, string>?>("--param", "-p")
        {
            Description = "A setting that the agent declares; may be given several times.",
            HelpName = "NAME=VALUE",
            Arity = ArgumentArity.OneOrMore,
            AllowMultipleArgumentsPerToken = false,
            CustomParser = result =>
            {
                var parameters = new Dictionary<string, string>(StringComparer.Ordinal);
                foreach (var token in result.Tokens)
                {
                    var equals = token.Value.IndexOf('=', StringComparison.Ordinal);
                    if (equals <= 0)
                        result.AddError($"--param is written as NAME=VALUE; '{token.Value}' is not.");
                    else if (!parameters.TryAdd(token.Value[..equals], token.Value[(equals + 1)..]))
                        result.AddError($"--param {token.Value[..equals]} is there twice.");
                }

                return parameters;
            },
        };
    }
}
