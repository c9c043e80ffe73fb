namespace Stoa.Cli;

/// <summary>What the process says at its end; scripts may rely on these numbers. <c>stoa --help</c> lists them.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Ok = 0;

    /// <summary>The node refused, a task failed or was cancelled, or a check came out negative.</summary>
    public const int Refused = 1;

    /// <summary>The command line asks for something that does not exist, or a file of it cannot be read.</summary>
    public const int Usage = 2;

    /// <summary>No node answers at the address.</summary>
    public const int NodeUnreachable = 3;

    /// <summary>The key is missing, unknown, or may not do this.</summary>
    public const int NotAuthorized = 4;

    /// <summary>A tool that the command needs is not installed.</summary>
    public const int ToolMissing = 5;

    /// <summary>A bug in this program.</summary>
    public const int Bug = 70;

    /// <summary>A WASI program trapped under <c>wasm run</c>: what a shell says of a program that aborts.</summary>
    public const int Trapped = 134;

    /// <summary>Stopped by Ctrl-C or a signal.</summary>
    public const int Interrupted = 130;

    /// <summary>For the help of the root command.</summary>
    public static readonly IReadOnlyList<(int Code, string Meaning)> Meanings =
    [
        (Ok, "done"),
        (Refused, "refused by the node, task failed or cancelled, check negative"),
        (Usage, "wrong command line, or a file that cannot be read"),
        (NodeUnreachable, "no node answers at the address"),
        (NotAuthorized, "key missing, unknown or not allowed to do this"),
        (ToolMissing, "a tool that the command needs is not installed"),
        (Bug, "a bug in this program"),
        (Interrupted, "stopped by Ctrl-C"),
        (Trapped, "a program under wasm run trapped; else that program's own code"),
    ];
}
