using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Identity;

public sealed class UsersTests
{
    private readonly MemoryUsers _store = new();
    private readonly CountingHasher _hasher = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private Users Users => new(_store, _hasher, TimeProvider.System);

    [Fact]
    public async Task Registered_UserSignsIn_ByHandleAndEmailInAnyCase()
    {
        var registered = await Users.RegisterAsync(NewId(), "ada", "Ada@Example.org", "correct horse battery", Stop);

        registered.Value.Email.ShouldBe("ada@example.org");
        foreach (var login in new[] { "ada", "ADA@example.org" })
            (await Users.SignInAsync(login, "correct horse battery", Stop)).Value.ShouldBe(registered.Value);
    }

    [Fact]
    public async Task BadRegistration_IsNeitherHashedNorStored()
    {
        var refused = await Users.RegisterAsync(NewId(), "A", "x", "y", Stop);

        refused.Refusal!.Code.ShouldBe(IdentityRefusal.RegistrationInvalid);
        refused.Refusal.Errors.Count.ShouldBeGreaterThan(2);
        _hasher.Work.ShouldBe(0);
        _store.Added.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("ada", "wrong horse battery")]
    [InlineData("nobody", "correct horse battery")]
    [InlineData("keyonly", "correct horse battery")]
    [InlineData("keyonly", "")]
    public async Task WrongSignIn_CostsTheSameWorkWhateverIsWrong(string login, string password)
    {
        await Users.RegisterAsync(NewId(), "ada", "ada@example.org", "correct horse battery", Stop);
        _store.Added.Add(new StoredUser(new User(NewId(), "keyonly", "k@example.org", UserRole.Admin, default), null));
        _hasher.Work = 0;

        var refused = await Users.SignInAsync(login, password, Stop);

        refused.Refusal!.Code.ShouldBe(IdentityRefusal.CredentialsWrong);
        _hasher.Work.ShouldBe(1);
    }

    [Fact]
    public async Task EndlessPassword_IsNotHashed()
    {
        await Users.RegisterAsync(NewId(), "ada", "ada@example.org", "correct horse battery", Stop);

        await Users.SignInAsync("ada", new string('x', 1_000_000), Stop);

        _hasher.Longest.ShouldBeLessThanOrEqualTo(RegistrationRules.PasswordLengthMax);
    }

    [Fact]
    public async Task WeaklyHashedPassword_IsHashedAnewAtSignIn()
    {
        _store.Added.Add(new StoredUser(new User(NewId(), "ada", "ada@example.org", UserRole.Member, default), "weak hash of correct horse battery"));

        (await Users.SignInAsync("ada", "wrong horse battery", Stop)).Refusal.ShouldNotBeNull();
        _store.Added[0].PasswordHash.ShouldBe("weak hash of correct horse battery");
        (await Users.SignInAsync("ada", "correct horse battery", Stop)).Refusal.ShouldBeNull();

        _store.Added[0].PasswordHash.ShouldBe("hash of correct horse battery");
    }

    private static Id<User> NewId() => new(Guid.CreateVersion7());

    private sealed class CountingHasher : IPasswordHasher
    {
        public int Work { get; set; }

        public int Longest { get; private set; }

        public string Decoy => "decoy";

        public Task<string> HashAsync(string password, CancellationToken cancellationToken) => Task.FromResult(Count(password));

        public Task<PasswordCheck> VerifyAsync(string hash, string password, CancellationToken cancellationToken)
        {
            var made = Count(password);
            return Task.FromResult(made == hash ? PasswordCheck.Right : "weak " + made == hash ? PasswordCheck.RightButWeaklyHashed : PasswordCheck.Wrong);
        }

        private string Count(string password)
        {
            Work++;
            Longest = Math.Max(Longest, password.Length);
            return "hash of " + password;
        }
    }

    /// <summary>As much of a store as signing in needs. The whole port has its conformance suite.</summary>
    private sealed class MemoryUsers : IUserStore
    {
        public List<StoredUser> Added { get; } = [];

        public Task<Outcome<User, IdentityRefusal>> AddAsync(StoredUser user, CancellationToken cancellationToken)
        {
            Added.Add(user);
            return Task.FromResult<Outcome<User, IdentityRefusal>>(user.User);
        }

        public Task<StoredUser?> FindByLoginAsync(string login, CancellationToken cancellationToken) =>
            Task.FromResult(Added.FirstOrDefault(stored => stored.User.Handle == login || stored.User.Email == login));

        public Task<User?> GetAsync(Id<User> id, CancellationToken cancellationToken) =>
            Task.FromResult(Added.FirstOrDefault(stored => stored.User.Id == id)?.User);

        public Task<User?> FindByHandleAsync(string handle, CancellationToken cancellationToken) =>
            Task.FromResult(Added.FirstOrDefault(stored => stored.User.Handle == handle)?.User);

        public Task<bool> ReplacePasswordHashAsync(Id<User> id, string? present, string hash, CancellationToken cancellationToken)
        {
            var at = Added.FindIndex(stored => stored.User.Id == id && stored.PasswordHash == present);
            if (at >= 0)
                Added[at] = Added[at] with { PasswordHash = hash };
            return Task.FromResult(at >= 0);
        }

        public Task<Outcome<ApiKey, IdentityRefusal>> PutKeyAsync(ApiKey key, int most, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task<ApiKey?> FindKeyAsync(ContentHash secretHash, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<Page<ApiKey>> ListKeysAsync(Id<User> user, Id<User>? maker, PageRequest page, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<ApiKey?> RevokeKeyAsync(Id<ApiKey> id, Id<User> user, Id<User>? maker, DateTimeOffset at, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task NoteKeyUsesAsync(IReadOnlyCollection<(Id<ApiKey> Key, DateTimeOffset At)> uses, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
