using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using Stoa.Cli.Connection;
using Stoa.Client;

namespace Stoa.Cli.Commands;

/// <summary>What the commands that start a node have in common.</summary>
internal static class NodeOptionSet
{
    private const int WrongOptions = 2;

    public static Option<string?> Data() => new("--data")
    {
        Description = "The folder that the node keeps all its data in. Also STOA_DATA. Default: ./data.",
        HelpName = "DIR",
    };

    public static Option<int?> Port()
    {
        var port = new Option<int?>("--port")
        {
            Description = "Listen on this port of this machine; 0 takes a free one. Default: 8420.",
            HelpName = "N",
            CustomParser = result => Quantity.Whole(result),
        };
        port.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out var number) && number is < 0 or > 65535)
                result.AddError("--port is from 0 to 65535.");
        });
        return port;
    }

    /// <summary>The node's command line.</summary>
    /// <exception cref="CommandFailure">A setting is not NAME=VALUE.</exception>
    public static IReadOnlyList<string> Arguments(Invocation invocation, string? data, int? port, string? url, IReadOnlyList<string> settings)
    {
        List<string> arguments = ["--data", NodeConnection.DataDirectory(invocation.Surroundings, data)];
        if (url is not null || port is not null)
            arguments.AddRange(["--url", url ?? $"http://127.0.0.1:{port}"]);
        foreach (var setting in settings)
        {
            var equals = setting.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                throw new CommandFailure($"--set is written as NAME=VALUE, such as tasks:workers=4; '{setting}' is not.");
            arguments.AddRange(["--" + setting[..equals], setting[(equals + 1)..]]);
        }

        return arguments;
    }

    /// <summary>Looks whether somebody listens at a node's address already, which is told better before a start than after it.</summary>
    /// <exception cref="CommandFailure">Somebody does.</exception>
    public static void RefuseTakenPort(int? port, string? url)
    {
        var address = url is null ? new Uri($"http://127.0.0.1:{port ?? StoaClientOptions.DefaultAddress.Port}") : NodeConnection.ParseAddress(url);
        if (address.Port == 0 || !IPAddress.TryParse(address.Host, out var ip))
            return;
        try
        {
            using var listener = new TcpListener(ip, address.Port);
            listener.Start();
        }
        catch (SocketException taken) when (taken.SocketErrorCode is SocketError.AddressAlreadyInUse)
        {
            throw new CommandFailure(
                $"Port {address.Port} of {address.Host} is taken already.",
                ExitCode.Refused,
                "Perhaps a node is running there: stoa status says so. For another port: --port N, with 0 for any that is free.");
        }
    }

    /// <summary>Why a node did not start, as this command line says it.</summary>
    public static CommandFailure Failure(int exitCode, string errors) => new(
        errors.Trim(),
        exitCode == WrongOptions ? ExitCode.Usage : ExitCode.Refused);
}
