using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Node.Identity;
using Stoa.Node.Ledger;
using Stoa.Primitives;

namespace Stoa.Node.Hosting;

/// <summary>Sees to it that somebody can administer the node: an administrator with a wallet and, when nothing else opens the door, an API key.</summary>
/// <remarks>
/// Every step can be repeated, so a first start that was interrupted is finished by the next one. An administrator who has revoked
/// every key and has no password gets a new key in the same way: whoever can restart the node owns it.
/// </remarks>
public sealed class FirstAdmin(
    IUserStore users, ApiKeys keys, ILedgerStore ledger, SystemAccounts accounts, DataFolder folder,
    IdentityOptions identity, LedgerOptions credit, IdSource ids, TimeProvider time)
{
    /// <summary>
    /// The file with the key of the administrator. The key is shown once, so it is also kept here, where the CLI on the same machine
    /// finds it; whoever can read this file can read the database beside it too.
    /// </summary>
    public const string KeyFileName = "admin.key";

    /// <summary>The new key, or null when none was needed.</summary>
    public async Task<ApiKeySecret?> EnsureAsync(CancellationToken cancellationToken)
    {
        var admin = await users.FindByHandleAsync(identity.AdminHandle, cancellationToken) ?? await AddAsync(cancellationToken);
        await CreditAsync(admin, cancellationToken);
        return await NeedsKeyAsync(admin, cancellationToken) ? await AddKeyAsync(admin, cancellationToken) : null;
    }

    private async Task<User> AddAsync(CancellationToken cancellationToken)
    {
        var admin = new User(ids.Next<User>(), identity.AdminHandle, identity.AdminEmail, UserRole.Admin, time.GetUtcNow());
        var added = await users.AddAsync(new StoredUser(admin, PasswordHash: null), cancellationToken);
        if (added.TryGet(out var user, out var refusal))
            return user;
        // Another node of the cell has its first start in the same moment.
        return await users.FindByHandleAsync(identity.AdminHandle, cancellationToken)
            ?? throw new BadOptionsException([$"Identity:AdminEmail: {refusal.Detail}"]);
    }

    /// <summary>The opening credit is a transfer from the world like any deposit; its id is the user's, so it happens once.</summary>
    private async Task CreditAsync(User admin, CancellationToken cancellationToken)
    {
        var id = new Id<Transfer>(admin.Id.Uuid);
        var amount = credit.OpeningCreditAmount;
        if (admin.Role is not UserRole.Admin || amount <= Money.Zero || await ledger.GetTransferAsync(id, cancellationToken) is not null)
            return;
        var wallet = await ledger.FindAccountAsync(admin.Id.ToString(), AccountKind.Wallet, cancellationToken)
            ?? throw new InvalidOperationException($"The administrator {admin.Id} has no wallet.");
        var transfer = new Transfer(
            id, TransferKind.Posted, accounts.World, wallet.Id, amount, null, TransferPurpose.Deposit, admin.Id.ToString(), admin.CreatedAt);
        var applied = await ledger.ApplyAsync([transfer], cancellationToken);
        // Another node of the cell may have credited another amount in the same moment; then that one counts.
        if (applied.Refusal is { Code: not TransferRefusal.IdReusedWithOtherContent } refusal)
            throw new InvalidOperationException($"The opening credit was refused: {refusal.Code}: {refusal.Detail}");
    }

    private async Task<bool> NeedsKeyAsync(User admin, CancellationToken cancellationToken)
    {
        if (admin.Role is not UserRole.Admin)
            return false;
        var stored = await users.FindByLoginAsync(admin.Handle, cancellationToken);
        if (stored?.PasswordHash is not null)
            return false;
        var now = time.GetUtcNow();
        var inForce = await users.ListKeysAsync(admin.Id, maker: null, new PageRequest(ApiKeys.KeysMax), cancellationToken);
        return !inForce.Items.Any(key => key.IsInForce(now));
    }

    private async Task<ApiKeySecret> AddKeyAsync(User admin, CancellationToken cancellationToken)
    {
        var made = await keys.CreateAsync(
            ids.Next<ApiKey>(), new KeyMaker(admin.Id, admin.Id, Rights.OfPerson(admin.Role)), new RequestedKey("first administrator"), cancellationToken);
        var secret = made.Value.Secret;
        folder.WriteSecret(KeyFileName, secret.Text + "\n");
        return secret;
    }
}
