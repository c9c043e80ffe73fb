using System.CommandLine;

namespace Stoa.Cli.Commands;

/// <summary>The options that every command takes.</summary>
internal sealed class GlobalOptions
{
    public Option<bool> Json { get; } = new("--json")
    {
        Description = "Write JSON to standard output, and refusals as JSON to standard error.",
        Recursive = true,
    };

    public Option<string?> Address { get; } = new("--address")
    {
        Description = "The node to speak to. Also STOA_ADDRESS, or what stoa login remembers. Default: http://127.0.0.1:8420.",
        HelpName = "URL",
        Recursive = true,
    };

    public Option<string?> Key { get; } = new("--key")
    {
        Description = "The API key. Better STOA_KEY or stoa login: other users of a machine can see command lines. Default for a node on this machine: admin.key in its data folder.",
        HelpName = "KEY",
        Recursive = true,
    };

    public Option<string?> SigningKey { get; } = new("--signing-key")
    {
        Description = "Sign every request with the key in this file, which stoa key generate wrote, in place of an API key. Also STOA_SIGNING_KEY.",
        HelpName = "FILE",
        Recursive = true,
    };
}
