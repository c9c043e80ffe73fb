using Spectre.Console;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Terminal;

/// <summary>Says what went wrong and what to do next, and gives the exit code for it.</summary>
internal static class ErrorPrinter
{
    private const int Unauthorized = 401;
    private const int PaymentRequired = 402;
    private const int Forbidden = 403;

    public static int Print(Screen screen, Exception failure)
    {
        switch (failure)
        {
            case StoaException refusal:
                PrintProblem(screen, refusal.Problem, Hint(refusal.Problem));
                return refusal.Problem.Status is Unauthorized or Forbidden ? ExitCode.NotAuthorized : ExitCode.Refused;
            case NodeUnreachableException unreachable:
                Print(screen, "nodeUnreachable", unreachable.Message, "Start one with: stoa up. Or name another: --address URL, or STOA_ADDRESS.");
                return ExitCode.NodeUnreachable;
            case ContentMismatchException mismatch:
                Print(screen, "contentMismatch", mismatch.Message, hint: null);
                return ExitCode.Refused;
            case CommandFailure expected:
                Print(screen, expected.ExitCode == ExitCode.Usage ? "usage" : "failed", expected.Message, expected.Hint);
                return expected.ExitCode;
            case IOException or UnauthorizedAccessException:
                Print(screen, "file", failure.Message, hint: null);
                return ExitCode.Usage;
            case OperationCanceledException:
                if (!screen.IsJson)
                    screen.Errors.MarkupLine("[yellow]Stopped.[/]");
                return ExitCode.Interrupted;
            default:
                Print(screen, "bug", $"{failure.GetType().Name}: {failure.Message}", "This is a bug in stoa. Set STOA_TRACE=1 to see where it happened.");
                if (screen.Surroundings.Variable("STOA_TRACE") is { Length: > 0 })
                    screen.Surroundings.Error.WriteLine(failure);
                return ExitCode.Bug;
        }
    }

    /// <summary>One message, or with <c>--json</c> one object in the form of problem details.</summary>
    public static void Print(Screen screen, string code, string message, string? hint) =>
        PrintProblem(screen, new Problem("about:blank", code, 0, message, code), hint);

    private static void PrintProblem(Screen screen, Problem problem, string? hint)
    {
        if (screen.IsJson)
        {
            screen.JsonErrorLine(problem);
            return;
        }

        screen.Errors.MarkupLine($"[red]error:[/] {Format.Escaped(problem.Detail)}");
        foreach (var error in problem.Errors ?? [])
        {
            var where = error.Pointer.Length == 0 ? "(whole)" : Format.Escaped(error.Pointer);
            screen.Errors.MarkupLine($"  [yellow]{where}[/]  {Format.Escaped(error.Reason)}");
        }

        if (hint is not null)
            screen.Errors.MarkupLine($"[grey]{Format.Escaped(hint)}[/]");
        if (problem.Status >= 500 && problem.TraceId is not null)
            screen.Errors.MarkupLine($"[grey]Trace {Format.Escaped(problem.TraceId)} finds it in the node's logs.[/]");
    }

    private static string? Hint(Problem problem) => problem.Status switch
    {
        Unauthorized => "Give a key with --key or STOA_KEY, or sign in once with: stoa login. A node's first key is in admin.key in its data folder.",
        Forbidden => "See whose key is in use with: stoa status.",
        PaymentRequired => "See what there is with: stoa wallet. An administrator adds to it with: stoa wallet deposit HANDLE AMOUNT.",
        _ => null,
    };
}
