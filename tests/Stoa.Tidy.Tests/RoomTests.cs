using System.Text.RegularExpressions;

namespace Stoa.Tidy.Tests;

/// <summary>Who may use whom. The table is the one of ARCHITECTURE.md; the code is checked by its using lines.</summary>
public sealed partial class RoomTests
{
    /// <summary>A room, and the rooms that it may name.</summary>
    private static readonly Dictionary<string, string[]> s_projects = new()
    {
        ["Stoa.Primitives"] = [],
        ["Stoa.Wasm"] = ["Stoa.Primitives"],
        ["Stoa.Network"] = ["Stoa.Primitives"],
        ["Stoa.Market"] = ["Stoa.Primitives", "Stoa.Wasm"],
        ["Stoa.Client"] = ["Stoa.Primitives"],
        ["Stoa.Node"] = ["Stoa.Primitives", "Stoa.Wasm", "Stoa.Network", "Stoa.Market", "Stoa.Client"],
        ["Stoa.Cli"] = ["Stoa.Primitives", "Stoa.Client"],
    };

    /// <summary>Inside the market.</summary>
    private static readonly Dictionary<string, string[]> s_marketRooms = new()
    {
        ["Identity"] = [],
        ["Audit"] = [],
        ["Signing"] = ["Identity"],
        ["Events"] = ["Identity"],
        ["Ledger"] = ["Identity"],
        ["Channels"] = ["Identity", "Events", "Ledger", "Registry"],
        ["Payments"] = ["Identity", "Events", "Ledger"],
        ["Plans"] = ["Identity", "Events", "Ledger"],
        ["Registry"] = ["Identity", "Events"],
        ["Membership"] = ["Registry"],
        ["Calls"] = [],
        ["Builds"] = ["Identity", "Events", "Registry", "Calls"],
        ["Webhooks"] = ["Identity", "Events"],
        ["SingleSignOn"] = ["Identity", "Webhooks"],
        ["Selection"] = ["Identity", "Events", "Registry"],
        ["Auctions"] = ["Identity", "Events", "Registry", "Selection"],
        ["Tasks"] = ["Identity", "Events", "Ledger", "Registry", "Membership", "Calls", "Builds", "Selection", "Auctions"],
        ["Disputes"] = ["Identity", "Events", "Ledger", "Registry", "Tasks"],
        ["PayPerCall"] = [],
        ["Supply"] = ["Channels", "Registry", "Tasks"],
        ["Metering"] = ["Identity", "Events", "Ledger", "Registry", "Tasks"],
        ["Reviews"] = ["Identity", "Events", "Registry", "Selection", "Tasks"],
        ["Templates"] = ["Identity"],
        ["Schedules"] = ["Identity", "Tasks"],
    };

    /// <summary>The commands that reach past the client, and why, are in ARCHITECTURE.md.</summary>
    private static readonly Dictionary<string, string[]> s_cliDoors = new()
    {
        ["Stoa.Node"] = ["UpCommand.cs", "LocalNode.cs"],
        ["Stoa.Wasm"] = ["WasmRunCommand.cs", "ProgramFile.cs"],
        ["Stoa.Market"] = ["ReceiptCheck.cs", "CalledAgents.cs", "ReceiptTree.cs", "AuctionCheck.cs", "LedgerCheck.cs", "LedgerCommands.cs", "AuditFileCheck.cs", "ContradictionCheck.cs", "AuditCommands.cs", "ChannelDesk.cs", "ReceiptVerifyCommand.cs", "TourCommand.cs", "AgentFolder.cs", "ProgramFile.cs", "WasmRunCommand.cs"],
    };

    [Fact]
    public void Projects_UseOnlyRoomsBelowThem()
    {
        var faults =
            from file in Checkout.Files("src", "*.cs")
            let project = file.Split('/')[1]
            from used in UsedNamespaces(file)
            let usedProject = string.Join('.', used.Split('.').Take(2))
            where usedProject != project && !s_projects[project].Contains(usedProject)
            where !(project == "Stoa.Cli" && s_cliDoors.GetValueOrDefault(usedProject, []).Contains(Path.GetFileName(file)))
            select $"{file} uses {used}";
        faults.ShouldBeEmpty();
    }

    [Fact]
    public void MarketRooms_UseOnlyRoomsBelowThem()
    {
        var faults =
            from file in Checkout.Files("src/Stoa.Market", "*.cs")
            let parts = file.Split('/')
            where parts.Length > 3
            from used in UsedNamespaces(file)
            where used.StartsWith("Stoa.Market.", StringComparison.Ordinal)
            let usedRoom = used.Split('.')[2]
            // What is in no room at all, such as how records are signed, all of them use.
            where usedRoom != parts[2] && !s_marketRooms[parts[2]].Contains(usedRoom) && !File.Exists(Path.Combine(Checkout.Root, "src", "Stoa.Market", usedRoom + ".cs"))
            select $"{file} uses {used}";
        faults.ShouldBeEmpty();
    }

    [Fact]
    public void Market_KnowsNeitherWebNorSql()
    {
        var faults =
            from file in Checkout.Files("src/Stoa.Market", "*.cs")
            from line in Checkout.Lines(file)
            where line.StartsWith("using Microsoft.AspNetCore", StringComparison.Ordinal)
                || line.StartsWith("using System.Data", StringComparison.Ordinal)
                || line.StartsWith("using Npgsql", StringComparison.Ordinal)
                || line.StartsWith("using Microsoft.Data", StringComparison.Ordinal)
            select $"{file}: {line}";
        faults.ShouldBeEmpty();
    }

    [Fact]
    public void Namespaces_AreTheirFolders()
    {
        var faults =
            from file in Checkout.Files("src", "*.cs")
            let expected = string.Join('.', file.Split('/')[1..^1])
            let declared = Checkout.Lines(file).FirstOrDefault(line => line.StartsWith("namespace ", StringComparison.Ordinal))
            where declared is not null && declared != $"namespace {expected};"
            select $"{file}: {declared}";
        faults.ShouldBeEmpty();
    }

    [Fact]
    public void RoomTable_OfTheReadmeNamesEveryProject()
    {
        var readme = Checkout.Read("README.md");
        Directory.EnumerateDirectories(Path.Combine(Checkout.Root, "src"))
            .Select(Path.GetFileName)
            .Where(project => !readme.Contains($"`{project}`", StringComparison.Ordinal))
            .ShouldBeEmpty();
    }

    private static IEnumerable<string> UsedNamespaces(string file) =>
        Checkout.Lines(file)
            .Select(line => UsingLine().Match(line))
            .Where(match => match.Success)
            .Select(match => match.Groups[1].Value);

    [GeneratedRegex(@"^using (?:static )?(?:\w+ = )?(Stoa\.[\w.]+)")]
    private static partial Regex UsingLine();
}
