using System.Security.Authentication;
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

    /// <param name="screen">Where it is said.</param>
    /// <param name="failure">What went wrong.</param>
    /// <param name="words">In which words refusals are said.</param>
    public static int Print(Screen screen, Exception failure, CommandWords words)
    {
        switch (failure)
        {
            case StoaException refusal:
                PrintProblem(screen, refusal.Problem, Hint(refusal.Problem), words);
                return refusal.Problem.Status is Unauthorized or Forbidden ? ExitCode.NotAuthorized : ExitCode.Refused;
            case NodeUnreachableException unreachable:
                Print(screen, "nodeUnreachable", unreachable.Message, Hint(unreachable));
                return ExitCode.NodeUnreachable;
            case ContentMismatchException mismatch:
                Print(screen, "contentMismatch", mismatch.Message, hint: null);
                return ExitCode.Refused;
            case CommandFailure expected:
                Print(screen, expected.ExitCode == ExitCode.Usage ? "usage" : "failed", expected.Message, expected.Hint);
                return expected.ExitCode;
            case IOException broken when OutputPipe.IsBroken(broken):
                // Whoever read the output had enough of it.
                return ExitCode.Ok;

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

    private static void PrintProblem(Screen screen, Problem problem, string? hint, CommandWords? words = null)
    {
        if (screen.IsJson)
        {
            screen.JsonErrorLine(problem);
            return;
        }

        screen.Errors.MarkupLine($"[red]error:[/] {Format.Escaped(words?.Detail(problem) ?? problem.Detail)}");
        // That there is no such user says all: where its name was given is plain.
        foreach (var error in problem.Code == "userUnknown" ? [] : problem.Errors ?? [])
        {
            var where = Format.Escaped(words?.Place(error.Pointer) ?? error.Pointer);
            screen.Errors.MarkupLine($"  {(where.Length == 0 ? "" : $"[yellow]{where}[/]  ")}{Format.Escaped(words?.Text(error.Reason) ?? error.Reason)}");
        }

        if (hint is not null)
            screen.Errors.MarkupLine($"[grey]{Format.Escaped(hint)}[/]");
        if (problem.Status >= 500 && problem.TraceId is not null)
            screen.Errors.MarkupLine($"[grey]Trace {Format.Escaped(problem.TraceId)} finds it in the node's logs.[/]");
    }

    private static string Hint(NodeUnreachableException unreachable) =>
        unreachable.Address.Scheme == Uri.UriSchemeHttps && IsNotTls(unreachable)
            ? $"Something answers there, but not with TLS. A node speaks http by itself: --address {new UriBuilder(unreachable.Address) { Scheme = Uri.UriSchemeHttp }.Uri.GetLeftPart(UriPartial.Authority)}"
            : "Start one with: stoa up. Or name another: --address URL, or STOA_ADDRESS.";

    /// <summary>Whether the other side speaks, but no TLS.</summary>
    private static bool IsNotTls(Exception failure)
    {
        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is AuthenticationException || (cause is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } && cause.InnerException is IOException))
                return true;
        }

        return false;
    }

    private static string? Hint(Problem problem) => problem.Status switch
    {
        // What was typed was wrong, and not who is calling.
        _ when problem.Code is "credentialsWrong" or "passwordWrong" or "secondFactorWrong" or "secondFactorNeeded" or "mailedCodeWrong" => null,
        _ when problem.Code is "erasurePending" => "Undo it with: stoa account erase --undo --handle HANDLE.",
        _ when problem.Code is "budgetExhausted" => "See what is left of it with: stoa budget list.",
        _ when problem.Code is "spendingLimitReached" => "See what the key may spend with: stoa key list.",
        Unauthorized => "If a session was remembered it may have ended: stoa logout forgets it, and then what needs nobody to sign in works again. Give a key with --key or STOA_KEY, or sign in once with: stoa login. A node's first key is in admin.key in its data folder, of a cell in that of the node that was started first.",
        Forbidden => "See whose key is in use with: stoa status.",
        PaymentRequired => "See what there is with: stoa wallet. An administrator adds to it with: stoa wallet deposit HANDLE AMOUNT.",
        _ => null,
    };
}
