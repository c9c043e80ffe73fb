using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;

namespace Stoa.Cli.Commands;

/// <summary>Addresses that are for a browser.</summary>
internal static class BrowserLink
{
    public static Option<bool> Option() => new("--open") { Description = "Open the address in the browser of this machine." };

    /// <summary>Opens an address, if that is wanted and can be; otherwise says that it is to be opened by hand.</summary>
    public static void Open(Invocation invocation, string? url, bool isWanted)
    {
        // What a node names is opened by a program of this machine, which takes more than web addresses.
        if (!isWanted || url is null)
            return;
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("https" or "http"))
        {
            invocation.Screen.Note("[yellow]That is no address of the web, so it is not opened.[/]");
            return;
        }

        if (invocation.Surroundings.OpenBrowser is { } open)
        {
            open(address);
            return;
        }

        var start = OperatingSystem.IsWindows()
            ? new ProcessStartInfo(address.AbsoluteUri) { UseShellExecute = true }
            : new ProcessStartInfo(OperatingSystem.IsMacOS() ? "open" : "xdg-open", [address.AbsoluteUri]) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using var browser = Process.Start(start);
        }
        catch (Exception missing) when (missing is Win32Exception or FileNotFoundException)
        {
            invocation.Screen.Note($"[yellow]No browser can be opened here. Open the address by hand.[/]");
        }
    }
}
